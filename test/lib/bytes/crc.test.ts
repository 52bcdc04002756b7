import assert from "node:assert/strict";
import { test } from "node:test";
import { createCrc32c, createCrc64Nvme } from "../../../src/lib/bytes/crc.ts";

// "123456789" is the check value of the CRC catalogue (Koopman, Williams); RFC 3720, B.4 has the others of CRC-32C.
const cases = [
  { name: "nothing", in: Buffer.alloc(0), crc32c: "00000000", crc64nvme: "0000000000000000" },
  { name: "123456789", in: Buffer.from("123456789"), crc32c: "e3069283", crc64nvme: "ae8b14860a799888" },
  { name: "32 zeros", in: Buffer.alloc(32), crc32c: "8a9136aa", crc64nvme: undefined },
  { name: "32 ones", in: Buffer.alloc(32, 255), crc32c: "62a8ab43", crc64nvme: undefined },
  {
    name: "0 to 31",
    in: Buffer.from(Array.from({ length: 32 }, (_, i) => i)),
    crc32c: "46dd794e",
    crc64nvme: undefined,
  },
] as const;

for (const { name, in: bytes, ...expected } of cases) {
  test(`crc of ${name}, in chunks of every size`, () => {
    for (let size = 1; size <= 17; size++) {
      const [crc32c, crc64nvme] = [createCrc32c(), createCrc64Nvme()];
      for (let i = 0; i < bytes.length; i += size)
        for (const crc of [crc32c, crc64nvme]) crc.update(bytes.subarray(i, i + size));
      assert.equal(crc32c.digest(), expected.crc32c);
      if (expected.crc64nvme !== undefined) assert.equal(crc64nvme.digest(), expected.crc64nvme);
    }
  });
}
