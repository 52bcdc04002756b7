// XML escapes and comments, for the scanners of S3's and Azure's listings. Imports nothing.

const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Leaves text that is not an XML entity unchanged. */
export function unescapeXml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return entities[name as string] ?? whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/**
 * Uses entity names where XML has them, because some servers do not parse numeric entities. Line ends are escaped too:
 * a parser would normalize them.
 */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r\n\u0085\u2028]/g, (one) => named[one] ?? `&#x${one.charCodeAt(0).toString(16)};`);
}

/** Whether a parser may refuse the text, even escaped: XML 1.0 has no form for most control characters. */
export function isBeyondXml(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the pattern exists to find control characters
  return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text);
}

const named = Object.fromEntries(Object.entries(entities).map(([name, one]) => [one, `&${name};`]));

/**
 * Where the processing instruction, comment or CDATA section at `tag` ends, and where the text of a CDATA section
 * begins. `cut`: the text ends first. Undefined: it is something else, such as a DOCTYPE, which no listing has.
 */
export function specialEnd(text: string, tag: number): { end: number; cdata?: number } | "cut" | undefined {
  for (const [opening, closing] of [
    ["<?", "?>"],
    ["<!--", "-->"],
    ["<![CDATA[", "]]>"],
  ] as const) {
    if (tag + opening.length >= text.length && opening.startsWith(text.slice(tag))) return "cut";
    if (!text.startsWith(opening, tag)) continue;
    const end = text.indexOf(closing, tag + opening.length);
    if (end < 0) return "cut";
    const after = end + closing.length;
    return opening === "<![CDATA[" ? { end: after, cdata: tag + opening.length } : { end: after };
  }
  return undefined;
}
