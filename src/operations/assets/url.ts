import { pathToFileURL } from "node:url";
import { FeedctlError } from "../../errors.ts";
import { requireProvider } from "../../stores/providers.ts";
import { parseAssetPath } from "./paths.ts";
import type { Context } from "../context.ts";
import { openFeedStore } from "../feed-store/open-feed-store.ts";
import { requireDirectory, requireFile } from "./require-asset.ts";

export interface AssetUrl {
  path: string;
  url: string;
  /** `signed`: valid for anyone who has it, until it expires. `public`: the blob is public. `file`: a local path. */
  kind: "signed" | "public" | "file";
  expires: Date | null;
}

/**
 * The URL to download a file directly from its store. A signed URL gives read access to anyone who has it, for
 * `seconds`, and no longer than the session of the credentials lasts: that is reported.
 */
export async function assetUrl(context: Context, directory: string, text: string, seconds: number): Promise<AssetUrl> {
  const { db } = await context.catalog();
  const feed = await requireDirectory(db, directory);
  const file = await requireFile(db, feed, parseAssetPath(text));
  await using store = await openFeedStore(context, db, feed);
  const key = file.key;
  if (store.localPath !== undefined)
    return { path: key, url: pathToFileURL(store.localPath(key)).href, kind: "file", expires: null };
  const blob = await store.head(key, { signal: context.signal });
  if (blob === undefined) throw new FeedctlError("not-found", `the blob of ${key} is missing in ${store.name}`);
  const remote = store.remote?.(blob);
  const open = await remote?.publicUrl?.();
  if (open !== undefined) return { path: key, url: open, kind: "public", expires: null };
  const expires = new Date(context.now().getTime() + seconds * 1000);
  const session = await remote?.sessionEnd?.();
  const url = await remote?.url(seconds);
  if (url === undefined)
    throw new FeedctlError("usage", `the credentials of ${store.name} cannot sign URLs`, {
      hint: requireProvider(store.type).signingHint,
    });
  if (session === "unknown")
    context.notice(
      "the URL is signed with temporary credentials, and works no longer than they do: their end is not known",
    );
  if (!(session instanceof Date) || session >= expires) return { path: key, url, kind: "signed", expires };
  context.notice(
    `the URL works until ${session.toISOString()} only: the session of the credentials that signed it ends then`,
  );
  return { path: key, url, kind: "signed", expires: session };
}
