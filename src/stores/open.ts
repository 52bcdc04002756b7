import type { Store } from "./store.ts";
import type { StoreConfig } from "./store-types.ts";

/** Opens a store. The only list of adapters; each SDK is loaded by its own adapter, on first use. */
export async function openStore(config: StoreConfig): Promise<Store> {
  switch (config.type) {
    case "disk":
      return (await import("./disk/store.ts")).openDiskStore(config);
    case "s3":
      return (await import("./s3/store.ts")).openS3Store(config);
    case "azure":
      return (await import("./azure/store.ts")).openAzureStore(config);
  }
}
