import { FeedctlError } from "../errors.ts";
import { feedTypeInfo, type PackageType } from "./feed-types.ts";
import type { Format } from "./format.ts";

/** The only list of formats. Each is loaded on first use. A missing type does not compile. */
const loaders: { readonly [Type in PackageType]: () => Promise<Format> } = {
  npm: async () => (await import("./npm/format.ts")).npm,
  nuget: async () => (await import("./nuget/format.ts")).nuget,
  chocolatey: async () => (await import("./nuget/chocolatey.ts")).chocolatey,
  maven: async () => (await import("./maven/format.ts")).maven,
  pub: async () => (await import("./pub.ts")).pub,
  conan: async () => (await import("./conan/format.ts")).conan,
  composer: async () => (await import("./composer.ts")).composer,
  vsix: async () => (await import("./vsix/format.ts")).vsix,
  universal: async () => (await import("./universal/format.ts")).universal,
  terraform: async () => (await import("./universal/terraform.ts")).terraform,
  powershell: async () => (await import("./nuget/powershell.ts")).powershell,
  debian: async () => (await import("./debian/format.ts")).debian,
  rpm: async () => (await import("./rpm/format.ts")).rpm,
  alpine: async () => (await import("./alpine/format.ts")).alpine,
  helm: async () => (await import("./helm/format.ts")).helm,
  cargo: async () => (await import("./cargo/format.ts")).cargo,
  pypi: async () => (await import("./pypi/format.ts")).pypi,
  rubygems: async () => (await import("./rubygems/format.ts")).rubygems,
  conda: async () => (await import("./conda/format.ts")).conda,
  cran: async () => (await import("./cran.ts")).cran,
};

/** Undefined for a type without package files, and for an unknown one. */
export async function findFormat(type: string): Promise<Format | undefined> {
  return isPackageType(type) ? loaders[type]() : undefined;
}

/** Throws `usage` for a type without package files, and for an unknown one. */
export async function loadFormat(type: string): Promise<Format> {
  const format = await findFormat(type);
  if (format !== undefined) return format;
  const { noPackageFiles } = feedTypeInfo(type);
  throw new FeedctlError("usage", `cannot import into a feed of type ${type}: ${noPackageFiles}`);
}

function isPackageType(type: string): type is PackageType {
  return Object.hasOwn(loaders, type);
}

/** All formats, to detect the type of a file. */
export async function allFormats(): Promise<Format[]> {
  return Promise.all(Object.values(loaders).map((load) => load()));
}
