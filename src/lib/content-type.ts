import { Mime } from "mime/lite";
import otherTypes from "mime/types/other.js";
import standardTypes from "mime/types/standard.js";

/** What the registry does not know, or knows as something that is rarer where these files are kept. */
const own: Record<string, string[]> = {
  "application/zip": ["nupkg", "snupkg", "whl", "upack", "vpack", "vsix", "conda"],
  "application/java-archive": ["jar", "war", "ear", "aar"],
  "application/xml": ["pom", "nuspec"],
  "application/x-tar": ["gem"],
  "application/vnd.debian.binary-package": ["deb", "udeb"],
  "application/x-rpm": ["rpm"],
  "application/gzip": ["tgz", "crate"],
  "application/x-bzip2": ["bz2", "tbz2"],
  "application/x-xz": ["xz", "txz"],
  "application/zstd": ["zst", "tzst"],
  "application/vnd.apache.parquet": ["parquet"],
  "application/octet-stream": ["exe", "msi", "dll", "iso", "dmg", "bin"],
  "text/plain": ["ts", "tsx", "mts", "cts", "ps1", "psm1", "psd1", "tf", "tfvars", "asc", "ini", "log"],
};

const known = new Mime(standardTypes, otherTypes).define(own, true);

/** The media type by the ending of a name; undefined: it has none that is known. */
export function knownType(name: string): string | undefined {
  const last = name.slice(name.lastIndexOf("/") + 1);
  // without a dot the library takes the whole name for an ending
  return (last.includes(".") ? known.getType(last) : null) ?? undefined;
}

/** The media type by the ending of a name alone. */
export function contentTypeOf(name: string): string {
  return knownType(name) ?? "application/octet-stream";
}
