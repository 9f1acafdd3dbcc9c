/** What of a resource is answered (RFC 7644 §3.9): `attributes` and `excludedAttributes`; unknown names say nothing. */
import { type AttributePath, type ResourceType, resolvePath } from "./attributes.ts";
import { isObject, type Members } from "./values.ts";

export interface Projection {
  readonly attributes?: readonly string[] | undefined;
  readonly excludedAttributes?: readonly string[] | undefined;
}

const pathsOf = (type: ResourceType, names: readonly string[]): AttributePath[] =>
  names.map((name) => resolvePath(type, name)).filter((path) => path !== undefined);

/** An object per path, in which `true` is the whole. */
interface Tree {
  [name: string]: Tree | true;
}

function treeOf(paths: readonly AttributePath[]): Tree {
  const tree: Tree = {};
  for (const path of paths) {
    let at = tree;
    for (const [depth, { name }] of path.entries()) {
      const there = at[name];
      if (there === true) break;
      if (depth === path.length - 1) at[name] = true;
      else {
        const deeper: Tree = there ?? {};
        at[name] = deeper;
        at = deeper;
      }
    }
  }
  return tree;
}

/** Each member as `of` has it, at every item of a list; undefined leaves it out. */
function membersBy(value: unknown, of: (name: string, each: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => membersBy(each, of));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) => {
      const kept = of(name, each);
      return kept === undefined ? [] : [[name, kept]];
    }),
  );
}

const only = (value: unknown, tree: Tree): unknown =>
  membersBy(value, (name, each) => {
    const want = tree[name];
    return want === undefined || want === true ? want && each : only(each, want);
  });

const without = (value: unknown, tree: Tree): unknown =>
  membersBy(value, (name, each) => {
    const gone = tree[name];
    if (gone === true) return undefined;
    return gone === undefined ? each : without(each, gone);
  });

/** What is always returned (id, schemas) is, whatever is asked for. */
export function projected(
  type: ResourceType,
  resource: Members,
  { attributes = [], excludedAttributes = [] }: Projection,
): Members {
  const always = type.attributes.filter(({ returned }) => returned === "always").map((each) => [each]);
  if (attributes.length > 0)
    return only(resource, treeOf([...always, ...pathsOf(type, attributes)])) as Members;
  const excluded = pathsOf(type, excludedAttributes).filter((path) => path[0]?.returned !== "always");
  return excluded.length === 0 ? resource : (without(resource, treeOf(excluded)) as Members);
}
