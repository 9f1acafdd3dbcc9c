# One image for every process; SERVICES says which services it hosts. No build: Node strips the types.
FROM node:24.21.0-trixie-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# The optional packages are Node, Deno and PostgreSQL themselves; here they come as images.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-trixie-slim
# As `npm start` has it: what we allocate dies with its batch, a young generation of 48 MB would only be memory.
ENV NODE_ENV=production NODE_OPTIONS=--max-semi-space-size=8
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY package.json moleculer.config.ts ./
COPY services services
COPY mixins mixins
COPY migrations migrations
USER node
EXPOSE 3000 3001
CMD ["node", "services/runtime/main.ts"]
