import { FeedctlError } from "../errors.ts";

/**
 * Data of a feed type that is needed without its parser: by the command line, the settings and messages. `Format`
 * describes the rest.
 */
export interface FeedTypeInfo {
  readonly type: string;
  /** The setting that holds the type path. */
  readonly setting: string;
  /** Default of that setting, relative to the root path. Types that share one setting share its directory. */
  readonly typePath: string;
  readonly title: string;
  /** Why package files of this type cannot be imported. A type without this has a `Format`. */
  readonly noPackageFiles?: string;
  /** What its ecosystem writes between group and name. Default: `/`. */
  readonly groupSeparator?: string;
  /** What its ecosystem writes before a group. */
  readonly groupPrefix?: string;
  /** Packages belong to a distribution and a component, which imports and drop paths name (`Format.place`). */
  readonly hasPlaces?: true;
  /** The members of its files' qualifiers that retention can count versions apart by. */
  readonly apart?: Readonly<Partial<Record<"distribution" | "architecture" | "platform", string>>>;
}

const table = {
  nuget: { setting: "Storage.NuGetPackagesLibrary", typePath: ".nugetv2", title: "NuGet packages" },
  chocolatey: { setting: "Storage.NuGetPackagesLibrary", typePath: ".nugetv2", title: "Chocolatey packages" },
  powershell: {
    setting: "Storage.NuGetPackagesLibrary",
    typePath: ".nugetv2",
    title: "PowerShell modules and scripts",
  },
  npm: {
    setting: "Storage.NpmPackagesLibrary",
    typePath: ".npm",
    title: "npm packages",
    groupPrefix: "@",
  },
  universal: { setting: "Storage.ProGetPackagesLibrary", typePath: ".proget", title: "universal packages" },
  maven: {
    setting: "Storage.MavenArtifactLibrary",
    typePath: ".maven2",
    title: "Maven artifacts",
    groupSeparator: ":",
  },
  debian: {
    setting: "Storage.DebianPackagesLibrary",
    typePath: ".debian",
    title: "Debian packages",
    hasPlaces: true,
    apart: { distribution: "distribution", architecture: "arch" },
  },
  rpm: {
    setting: "Storage.RpmPackagesLibrary",
    typePath: ".rpm",
    title: "RPM packages",
    apart: { architecture: "arch" },
  },
  alpine: {
    setting: "Storage.ApkPackagesLibrary",
    typePath: ".apk",
    title: "Alpine packages",
    apart: { architecture: "arch" },
  },
  pypi: { setting: "Storage.PypiPackagesLibrary", typePath: ".pypi", title: "Python packages" },
  rubygems: {
    setting: "Storage.RubyGemsLibrary",
    typePath: ".rubygems",
    title: "Ruby gems",
    apart: { platform: "platform" },
  },
  vsix: {
    setting: "Storage.VsixLibrary",
    typePath: ".vsix",
    title: "Visual Studio extensions",
    apart: { platform: "targetPlatform" },
  },
  helm: { setting: "Storage.HelmPackagesLibrary", typePath: ".helm", title: "Helm charts" },
  cran: { setting: "Storage.CranPackagesLibrary", typePath: ".cran", title: "R packages" },
  conda: {
    setting: "Storage.CondaPackagesLibrary",
    typePath: ".conda",
    title: "Conda packages",
    apart: { platform: "subdir" },
  },
  pub: { setting: "Storage.PubPackagesLibrary", typePath: ".pub", title: "Dart packages" },
  cargo: { setting: "Storage.CargoPackagesLibrary", typePath: ".cargo", title: "Rust crates" },
  terraform: { setting: "Storage.TerraformPackagesLibrary", typePath: ".terraform", title: "Terraform modules" },
  composer: { setting: "Storage.ComposerPackagesLibrary", typePath: ".composer", title: "Composer packages" },
  conan: { setting: "Storage.ConanPackagesLibrary", typePath: ".conan", title: "Conan packages" },
  docker: {
    setting: "Storage.DockerRepositoryLibrary",
    typePath: ".docker",
    title: "container images",
    noPackageFiles: "container images are pushed to a registry; there is no package file to import",
  },
  bower: {
    setting: "Storage.BowerPackagesLibrary",
    typePath: ".bower",
    title: "Bower packages",
    noPackageFiles: "Bower installs from Git repositories; there is no package file to import",
  },
  asset: {
    setting: "Storage.AssetLibrary",
    typePath: ".assets",
    title: "asset directory",
    noPackageFiles: "an asset directory holds files, not packages",
  },
} as const satisfies Record<string, Omit<FeedTypeInfo, "type">>;

export type FeedType = keyof typeof table;

/** The types whose packages are files. */
export type PackageType = {
  [Type in FeedType]: (typeof table)[Type] extends { noPackageFiles: string } ? never : Type;
}[FeedType];

export const feedTypeNames = Object.keys(table) as FeedType[];

/** Throws `usage` for a type that this version does not know: the catalog may have been used with a newer one. */
export function feedTypeInfo(type: string): FeedTypeInfo {
  if (isFeedType(type)) return { type, ...table[type] };
  throw new FeedctlError("usage", `the feed type "${type}" does not exist`, {
    hint: `known are ${feedTypeNames.join(", ")}; a newer feedctl may know it`,
  });
}

export function isFeedType(text: string): text is FeedType {
  return Object.hasOwn(table, text);
}

/** The message when a place is given for packages of another type. */
export function placesOnly(): string {
  const types = feedTypeNames.filter((type) => feedTypeInfo(type).hasPlaces);
  return `--distribution and --component are for feeds of type ${types.join(" or ")}`;
}
