// What the scanners of S3's and Azure's listings share of XML. Loads nothing.

const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** What is no entity of XML stays as it is. */
export function unescapeXml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return entities[name as string] ?? whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** Names where XML has them: not every server's parser knows numbers. Line ends too, which a parser would alter. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r\n\u0085\u2028]/g, (one) => named[one] ?? `&#x${one.charCodeAt(0).toString(16)};`);
}

const named = Object.fromEntries(Object.entries(entities).map(([name, one]) => [one, `&${name};`]));

/**
 * Where a processing instruction, comment or CDATA section that begins at `tag` ends, and where the text of a CDATA section
 * begins; `cut`: not in this text. Undefined: it is anything else, such as a DOCTYPE, which no listing has.
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
