import { formatSize } from "../../lib/text/format-size.ts";
import type { AssetEntry } from "../../operations/assets/list.ts";
import type { Output } from "../frame/output.ts";

interface Node {
  name: string;
  size?: number;
  inner: Map<string, Node>;
}

/** Prints files and folders as a tree. Keeps the whole list in memory: a tree that people read is short. */
export async function printTree(out: Output<never>, entries: AsyncIterable<AssetEntry>): Promise<void> {
  const root: Node = { name: "", inner: new Map() };
  for await (const entry of entries) {
    let node = root;
    for (const name of entry.path.split("/")) {
      let inner = node.inner.get(name);
      if (inner === undefined) node.inner.set(name, (inner = { name, inner: new Map() }));
      node = inner;
    }
    if ("file" in entry) node.size = entry.file.size;
  }
  const lines: string[] = [];
  draw(root, "", lines);
  for (let start = 0; start < lines.length; start += 1000) await out.lines(lines.slice(start, start + 1000));
}

function draw(node: Node, indent: string, lines: string[]): void {
  const inner = [...node.inner.values()];
  inner.forEach((child, index) => {
    const last = index === inner.length - 1;
    const what = child.size === undefined ? `${child.name}/` : `${child.name}  (${formatSize(child.size)})`;
    lines.push(`${indent}${last ? "└── " : "├── "}${what}`);
    draw(child, `${indent}${last ? "    " : "│   "}`, lines);
  });
}
