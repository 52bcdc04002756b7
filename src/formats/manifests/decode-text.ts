/** Decodes a manifest of a format that is older than UTF-8: what is not UTF-8 is read as Latin-1, with a warning. */
export function decodeText(bytes: Buffer, manifest: string, warnings: string[]): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const warning = `its ${manifest} is not UTF-8 text and was read as Latin-1`;
    if (!warnings.includes(warning)) warnings.push(warning);
    return bytes.toString("latin1");
  }
}
