import { isAbsolute, resolve } from "node:path";
import { FeedctlError } from "../../errors.ts";
import type { OptionTable, StoreDescriptor } from "../descriptor.ts";
import { parseConfig } from "../shared/parse-options.ts";
import type { DiskConfig } from "./config.ts";
import { diskLocation } from "./location.ts";

const options: OptionTable<DiskConfig> = {
  path: {
    flag: "path",
    value: "DIR",
    description: "directory of this feed (default: root path, type path, F<id>)",
    required: true,
    proget: "StoragePath",
  },
};

export const disk: StoreDescriptor<DiskConfig> = {
  type: "disk",
  title: "a directory on a local or network disk",
  isLocal: true,
  url: undefined,
  pathOption: "path",
  options,
  signingHint: "a directory has no URLs for others",
  parse: (values, where) => parseConfig("disk", options, values, where),

  check({ path }, { platform, notice }) {
    if (path === undefined) return;
    if (typeof path !== "string" || !isAbsolute(path))
      throw new FeedctlError("usage", "--path must be an absolute path", {
        hint: "a relative one would mean another directory in every shell",
      });
    if (platform === "win32" && /^[a-z]:/i.test(path))
      notice(`${path} may be a mapped drive, which services do not see; a UNC path (\\\\server\\share) is safer`);
  },

  locate: ({ path }) => ({ type: "disk", ...diskLocation(path) }),
  locationName: ({ place, segments }) => place + segments.join(place.includes("\\") ? "\\" : "/"),
  below: ({ type, path }, inner, cwd) => ({ type, path: resolve(cwd, path, inner.replace(/^[\\/]+/, "")) }),
  open: async (config) => (await import("./store.ts")).openDiskStore(config),
};
