const signs: readonly { pattern: RegExp; title: string }[] = [
  { pattern: /^\.PKGINFO$/, title: "an Alpine package" },
  { pattern: /^[^/]+\/Chart\.yaml$/, title: "a Helm chart" },
  { pattern: /^[^/]+\/package\.json$/, title: "an npm package" },
  { pattern: /^[^/]+\/Cargo\.toml$/, title: "a Rust crate" },
  { pattern: /^[^/]+\/PKG-INFO$/, title: "a Python source package" },
  { pattern: /^[^/]+\/DESCRIPTION$/, title: "an R package" },
  { pattern: /^(\.\/)?pubspec\.yaml$/, title: "a Dart package" },
  { pattern: /^(\.\/)?debian-binary$/, title: "an OpenWrt package" },
];

/** What a compressed tar archive looks like by one of its entries, for messages only: the feed's type decides. */
export function guessTarContents(path: string): string | undefined {
  return signs.find(({ pattern }) => pattern.test(path))?.title;
}
