/**
 * The name without segments that mean nothing: `tar.exe` of Windows and bsdtar write `./` and `./a`, and unzip and pip
 * read them so. Names that lead out of the folder keep what leads out. Empty for the folder itself.
 */
export function plainName(name: string): string {
  if (!/(?:^|\/)\.?\//.test(name) || name.startsWith("/")) return name;
  const segments = name.split("/");
  const end = segments.at(-1) === "" ? "/" : "";
  const plain = segments.filter((segment) => segment !== "" && segment !== ".").join("/");
  return plain === "" ? "" : plain + end;
}
