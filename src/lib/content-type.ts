const types: Record<string, string> = {
  nupkg: "application/zip",
  snupkg: "application/zip",
  whl: "application/zip",
  upack: "application/zip",
  vsix: "application/zip",
  conda: "application/zip",
  zip: "application/zip",
  jar: "application/java-archive",
  war: "application/java-archive",
  aar: "application/java-archive",
  pom: "application/xml",
  xml: "application/xml",
  gem: "application/x-tar",
  tar: "application/x-tar",
  deb: "application/vnd.debian.binary-package",
  rpm: "application/x-rpm",
  tgz: "application/gzip",
  gz: "application/gzip",
  crate: "application/gzip",
  apk: "application/gzip",
  bz2: "application/x-bzip2",
  zst: "application/zstd",
  json: "application/json",
  txt: "text/plain",
};

/** The media type by the ending of a name, for blobs nobody has described. */
export function contentTypeOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return types[name.slice(dot + 1).toLowerCase()] ?? "application/octet-stream";
}
