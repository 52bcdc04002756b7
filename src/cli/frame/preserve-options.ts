import { Option } from "commander";

export function preserveTagsOption() {
  return new Option("--preserve-tags", "copy the tags of each blob; costs a request for each copy");
}

export function preserveStorageClassOption() {
  return new Option("--preserve-storage-class", "copy the storage class or tier; both ends of one provider");
}

export type PreserveOptions = {
  preserveTags?: true | undefined;
  preserveStorageClass?: true | undefined;
};

/** What is not given stays undefined: a migration goes on as it began. */
export function preserveOf({ preserveTags, preserveStorageClass }: PreserveOptions): {
  tags: true | undefined;
  storageClass: true | undefined;
} {
  return { tags: preserveTags, storageClass: preserveStorageClass };
}
