import { isAbsolute, join } from "node:path";
import { feedTypeInfo } from "../../formats/feed-types.ts";
import { ROOT_PATH, type Setting } from "./setting-names.ts";

export interface FeedDirectory {
  /** The absolute directory. */
  path: string;
  /** Which settings lead to it, in one line. */
  because: string;
}

/**
 * The default directory of a feed on disk: root path, type path, `F<id>`. An absolute type path drops the root; the id
 * is appended all the same (ProGet, "File Storage & Drop Paths").
 */
export function defaultDirectory(
  settings: ReadonlyMap<string, Setting>,
  feed: { id: number; type: string },
): FeedDirectory {
  const root = settings.get(ROOT_PATH)?.value ?? "";
  const { setting } = feedTypeInfo(feed.type);
  const typePath = settings.get(setting);
  const type = typePath?.value ?? "";
  const typeWords = `type path ${type} (${setting}, ${typePath?.origin ?? "default"})`;
  if (isAbsolute(type))
    return { path: join(type, `F${feed.id}`), because: `${typeWords} is absolute, then F${feed.id}` };
  const rootWords = `root ${root} (${settings.get(ROOT_PATH)?.origin ?? "default"})`;
  return { path: join(root, type, `F${feed.id}`), because: `${rootWords}, ${typeWords}, then F${feed.id}` };
}
