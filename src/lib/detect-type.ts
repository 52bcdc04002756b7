import { knownType } from "./content-type.ts";

/** How many of the first bytes are needed to detect a type. */
export const HEAD = 4096;

const UNKNOWN = "application/octet-stream";
const TEXT = "text/plain; charset=utf-8";

/**
 * The types that may be detected from bytes: those that a browser shows, plays or saves, and never runs. HTML,
 * JavaScript, SVG, other XML and Flash are excluded, because an uploaded file could become a web page of the host that
 * serves it. A file only gets such a type by its extension.
 */
const INERT = new RegExp(
  `^(?:(?:audio|font|video)/|image/(?!svg)|application/(?:${[
    "pdf|ogg|avro|wasm|rtf|dicom|epub\\+zip|java-archive",
    "zip|gzip|zstd|lzip|x-(?:7z-compressed|bzip2|xz|tar|lz4|compress|rar-compressed|unix-archive|cpio)",
    "x-(?:deb|rpm|sqlite3|iso9660-image|apple-diskimage)|vnd\\.(?:ms-cab-compressed|tcpdump\\.pcap|debian\\.binary-package|rar)",
    "vnd\\.apache\\.(?:parquet|arrow\\.file)|vnd\\.(?:openxmlformats-officedocument|oasis\\.opendocument)\\.[\\w.-]+",
  ].join("|")})$)`,
);

export interface FirstBytes {
  head: Uint8Array;
  /** Size of the whole file, in bytes. */
  size: number;
}

/**
 * The content type of a file: by the extension of its name if that is known, whatever the bytes are; else plain text if
 * the bytes are UTF-8 text; else by the signature in the first bytes; else `application/octet-stream`.
 */
export async function detectType(name: string, { head, size }: FirstBytes): Promise<string> {
  const known = knownType(name);
  if (known !== undefined || head.length === 0) return known ?? UNKNOWN;
  // Text first: a signature may be as short as the two letters of a bitmap.
  if (isText(head, head.length < size)) return startsWith(head, "%PDF-") ? "application/pdf" : TEXT;
  const found = await bySignature(head);
  if (found === undefined || !INERT.test(found.mime)) return UNKNOWN;
  // The same name for the type that its extension would give.
  return (found.mime.startsWith("application/") ? knownType(`x.${found.ext}`) : undefined) ?? found.mime;
}

/** Whether the extension is unknown, so that `detectType` needs the first bytes. */
export function needsBytes(name: string): boolean {
  return knownType(name) === undefined;
}

/** Whether a stored type may be the result of `detectType` and not a user's choice. */
export function mayBeDetected(type: string): boolean {
  return type === UNKNOWN || type === TEXT || INERT.test(type);
}

/** Loads its library only for a file with an unknown extension. */
async function bySignature(head: Uint8Array): Promise<{ ext: string; mime: string } | undefined> {
  const { fileTypeFromBuffer } = await import("file-type");
  try {
    return await fileTypeFromBuffer(head);
  } catch {
    return undefined; // it needs more than the first bytes
  }
}

function isText(head: Uint8Array, cut: boolean): boolean {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: cut });
    // oxlint-disable-next-line no-control-regex -- the binary data bytes of the WHATWG MIME Sniffing Standard
    return !/[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f]/.test(text);
  } catch {
    return false;
  }
}

function startsWith(head: Uint8Array, text: string): boolean {
  return Buffer.from(head.subarray(0, text.length)).toString("latin1") === text;
}
