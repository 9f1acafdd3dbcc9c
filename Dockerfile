# One image for every process; SERVICES says which services it hosts. No build: Node strips the types.
FROM node:24.21.0-trixie-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The optional packages are Node, Deno and PostgreSQL themselves; here they come as images.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-trixie-slim
# As `npm start` has it (docs/performance.md, Memory).
ENV NODE_ENV=production MALLOC_ARENA_MAX=1 NODE_OPTIONS=--max-semi-space-size=16
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json moleculer.config.ts ./
COPY services services
COPY mixins mixins
COPY migrations migrations
RUN mkdir .compiled && chown node .compiled
USER node
# Compiled here, once: a start that finds one file uncompiled loads the compiler of types for it and keeps its 20 MB.
# The cache is its user's. What the process itself loads first is loaded until it misses AMQP_URL (exit code 78).
ENV NODE_COMPILE_CACHE=/app/.compiled
RUN SERVICES=gateway node services/runtime/main.ts 2> /dev/null; [ $? -eq 78 ]
RUN node services/runtime/container-health.ts; [ $? -eq 1 ]
RUN node --input-type=module --eval 'import { globSync } from "node:fs"; for (const path of globSync("/app/{services/{*/index,embedded/embedded-postgres,runtime/prepare-databases},mixins/bus/*,migrations/*/*}.ts")) await import(path)'
# From here on a process reads its code, its secrets and what shows its own memory, and writes nothing but what it has
# compiled; it runs no program, thread or addon. Of Node's options this is the one place: a command that writes a file
# says `NODE_OPTIONS=` (docs/adr/0047-a-process-may-what-its-role-needs.md).
ENV NODE_OPTIONS="--max-semi-space-size=16 --permission \
--allow-fs-read=/app/ --allow-fs-read=/run/secrets/ --allow-fs-read=/.dockerenv --allow-fs-read=/run/.containerenv \
--allow-fs-read=/proc/self/status --allow-fs-read=/proc/self/fd --allow-fs-read=/proc/self/limits \
--allow-fs-write=/app/.compiled/"
EXPOSE 3000 3001
CMD ["node", "services/runtime/main.ts"]
