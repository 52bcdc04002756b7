/** A position in a file, both from 1. */
export interface TextPosition {
  line: number;
  column: number;
}

/** Where the members of a YAML file are, for messages about them. */
export interface YamlPlaces {
  /** Called by the parser: the file, and where a member of an object, or an item of a list, begins in it. */
  begin(text: string): void;
  note(container: object, member: string | number, offset: number | undefined): void;
  fail(offset: number | undefined): void;
  /** The position of a member or an item; undefined when the parser did not read it. */
  of(container: object, member: string | number): TextPosition | undefined;
  /** Where the parser found the file malformed. */
  failure(): TextPosition | undefined;
}

export function createYamlPlaces(): YamlPlaces {
  const offsets = new WeakMap<object, Map<string | number, number>>();
  let content = "";
  let failed: number | undefined;
  const positionAt = (offset: number): TextPosition => {
    const before = content.slice(0, offset);
    return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
  };
  return {
    begin(text) {
      content = text;
    },
    note(container, member, offset) {
      if (offset === undefined) return;
      const members = offsets.get(container) ?? new Map<string | number, number>();
      offsets.set(container, members.set(member, offset));
    },
    fail(offset) {
      failed ??= offset;
    },
    of(container, member) {
      const offset = offsets.get(container)?.get(member);
      return offset === undefined ? undefined : positionAt(offset);
    },
    failure: () => (failed === undefined ? undefined : positionAt(failed)),
  };
}

/** `file:line:column`, or `file` without a position. */
export function placeIn(file: string, position: TextPosition | undefined): string {
  return position === undefined ? file : `${file}:${position.line}:${position.column}`;
}
