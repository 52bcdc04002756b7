/**
 * Until February 2021 ProGet escaped some characters of S3 keys: each byte became `!` and two hexadecimal digits. Keys
 * of Debian and RPM packages may also contain an exclamation mark, before the version.
 */
const ESCAPED = /(?:![0-9a-f]{2})+/gi;

/**
 * The characters that ProGet escaped. Other sequences are part of the name: `!41` would be `A`, which was not escaped.
 */
// oxlint-disable-next-line no-control-regex -- control characters were escaped as well
const SPECIAL = /^[\u0000-\u0020&$@=;:+,?\\{^}%`\]"'>[~<#|!\u007f-\uffff]+$/u;

/** Decodes ProGet's escapes in a name; other names are returned unchanged. */
export function plainName(name: string): string {
  return name.replaceAll(ESCAPED, (text) => {
    const decoded = Buffer.from(text.replaceAll("!", ""), "hex").toString("utf8");
    return SPECIAL.test(decoded) ? decoded : text;
  });
}

export function wasEscaped(name: string): boolean {
  return plainName(name) !== name;
}
