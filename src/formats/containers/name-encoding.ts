/** Decodes the name of an entry. Bytes that the encoding does not have become U+FFFD. */
export type DecodeName = (bytes: Uint8Array) => string;

/** The characters of the bytes from 0x80 on, for the code pages of DOS and Windows consoles that `TextDecoder` lacks. */
const CODE_PAGES: Record<string, string> = {
  cp437:
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0",
  cp850:
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0",
  cp852:
    "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u00ad˝˛ˇ˘§÷¸°¨˙űŘř■\u00a0",
};

/** Examples for messages and help. */
export const nameEncodings = "cp437, cp850, cp852, ibm866, shift_jis, gbk, big5, euc-kr, windows-1252";

/** The decoder of names in code page 437, the encoding of zip archives without a mark. */
export const decodeCodePage437: DecodeName = decoderOf(CODE_PAGES["cp437"] ?? "");

/** A decoder by name: a DOS code page of the table, or a label of the WHATWG Encoding Standard. Undefined: unknown. */
export function findNameDecoder(encoding: string): DecodeName | undefined {
  const label = encoding.trim().toLowerCase();
  const page = CODE_PAGES[label.replace(/^(cp|ibm|oem|dos)?-?(?=\d)/, "cp")];
  if (page !== undefined) return decoderOf(page);
  try {
    const decoder = new TextDecoder(label, { ignoreBOM: true });
    return (bytes) => decoder.decode(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}

function decoderOf(page: string): DecodeName {
  return (bytes) => Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : page[byte - 0x80])).join("");
}
