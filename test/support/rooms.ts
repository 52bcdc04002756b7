import type { Import } from "./imports.ts";

/** The layer of a source file, and its room in that layer: a folder with all below it, or a file that is in no folder. */
export function placeOf(file: string): { layer: string; room: string } {
  const [, layer = file, room = layer] = /^src\/([^/]+?)(?:\.ts)?(?:\/([^/]+))?(?:$|\/)/.exec(file) ?? [];
  return { layer, room };
}

/** Imports that cross from one room of a layer into another of the same layer. */
function crossings(imports: readonly Import[]): (Import & { from: string; to: string })[] {
  return imports.flatMap((each) => {
    if (each.target === undefined) return [];
    const [from, to] = [placeOf(each.file), placeOf(each.target)];
    if (from.layer !== to.layer || from.room === to.room) return [];
    return [{ ...each, from: `${from.layer}/${from.room}`, to: `${to.layer}/${to.room}` }];
  });
}

/** Imports that are part of a circle of rooms: from the imported room a way leads back. Type imports count. */
export function circularImports(imports: readonly Import[]): Import[] {
  const all = crossings(imports);
  const next = Map.groupBy(all, ({ from }) => from);
  const reaches = (start: string, goal: string): boolean => {
    const seen = new Set([start]);
    for (const room of seen) for (const { to } of next.get(room) ?? []) seen.add(to);
    return seen.has(goal);
  };
  return all.filter(({ from, to }) => reaches(to, from));
}
