import type { StoreFeatures } from "../features.ts";
import type { StoreTraits } from "../traits.ts";

/** The features of a cloud, which go by what is found of it meanwhile. */
export function cloudFeatures(found: StoreTraits, { listsAll }: Pick<StoreFeatures, "listsAll">): StoreFeatures {
  return {
    get sortedList() {
      return found.sortedList === true;
    },
    get atomicCreate() {
      return found.conditionalCreate !== false;
    },
    metadata: true,
    listsAll,
  };
}
