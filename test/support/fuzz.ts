/** A pseudo-random generator: the same numbers for the same seed. */
export function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/**
 * The bytes with one to four random mutations: flipped bits; changed, removed, repeated or inserted ranges; a cut end.
 */
export function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  let mutant = Buffer.from(bytes);
  const injuries = 1 + random(4);
  for (let i = 0; i < injuries && mutant.length > 0; i++) {
    const at = random(mutant.length);
    const length = 1 + random(Math.min(64, mutant.length - at));
    const stretch = mutant.subarray(at, at + length);
    const [before, after] = [mutant.subarray(0, at), mutant.subarray(at + length)];
    const injury = random(7);
    if (injury === 0) mutant[at] = mutant[at]! ^ (1 << random(8));
    else if (injury === 1) mutant[at] = interesting[random(interesting.length)]!;
    else if (injury === 2) mutant = Buffer.concat([before, after]);
    else if (injury === 3) mutant = Buffer.concat([before, stretch, stretch, after]);
    else if (injury === 4) mutant = Buffer.concat([before, Buffer.alloc(length, random(256)), stretch, after]);
    else if (injury === 5) mutant.fill(interesting[random(interesting.length)]!, at, at + length);
    else mutant = Buffer.from(before);
  }
  return mutant;
}

const interesting = [0x00, 0x01, 0x0a, 0x7f, 0x80, 0xff, 0x20, 0x30, 0x37, 0x3c, 0x22, 0x7b];
