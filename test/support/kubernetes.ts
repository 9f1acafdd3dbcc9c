/**
 * The manifests of docs/deploy/kubernetes, and what the schemas say of them: those of Kubernetes and of CloudNativePG,
 * made into validators and types by kubernetes-models. A validator takes a key that the schema does not know; the
 * compiler does not, so each document is a literal of its type, too.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { parse, parseAllDocuments } from "yaml";
import { repositoryRoot } from "./gate/run-tool.ts";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: unknown;
}

export interface Kustomization {
  readonly namespace: string;
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly { readonly name: string; readonly literals: readonly string[] }[];
  readonly images: readonly { readonly name: string; readonly newTag: string }[];
}

const folder = join(repositoryRoot, "docs/deploy/kubernetes");
const entry = "kustomization.yaml";

export const kustomization = (): Kustomization =>
  parse(readFileSync(join(folder, entry), "utf8")) as Kustomization;

export const manifestFiles = (): string[] => readdirSync(folder).filter((name) => name !== entry);

/** Every document of every file. */
export const manifests = (): Manifest[] =>
  manifestFiles().flatMap((name) =>
    parseAllDocuments(readFileSync(join(folder, name), "utf8")).map(
      (document) => document.toJS() as Manifest,
    ),
  );

/** The module that has a kind's type and its validator. */
function moduleOf({ apiVersion, kind }: Manifest): string {
  const home = apiVersion.startsWith("postgresql.cnpg.io/")
    ? "@kubernetes-models/cloudnative-pg"
    : "kubernetes-models";
  return `${home}/${apiVersion}/${kind}`;
}

interface Model {
  validate(): void;
}

/** What the validator of its schema says. */
export async function schemaFault(manifest: Manifest): Promise<string | undefined> {
  const loaded = (await import(moduleOf(manifest))) as Record<string, new (data: unknown) => Model>;
  const Kind = loaded[manifest.kind];
  if (Kind === undefined) return `no schema of ${manifest.kind}`;
  try {
    new Kind(manifest).validate();
    return undefined;
  } catch (error) {
    return `${manifest.kind} ${manifest.metadata.name}: ${(error as Error).message}`;
  }
}

/** What the compiler says of the documents as literals of their types: keys that are unknown, words that are none. */
export function typeFaults(documents: readonly Manifest[]): string[] {
  const path = join(repositoryRoot, "test/support/manifests-as-literals.ts");
  const text = documents
    .map(
      (document, at) =>
        `import type { I${document.kind} as I${at} } from "${moduleOf(document)}";\nconst d${at}: I${at} = ${JSON.stringify(document)};`,
    )
    .join("\n");
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ESNext,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => name === path || fileExists(name);
  host.getSourceFile = (name, version) =>
    name === path ? ts.createSourceFile(name, text, version) : getSourceFile(name, version);
  const program = ts.createProgram([path], options, host);
  const source = program.getSourceFile(path);
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"),
  );
}
