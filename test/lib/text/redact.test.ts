import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { FeedctlError } from "../../../src/errors.ts";
import { redact, registerSecrets, registerUrl } from "../../../src/lib/text/redact.ts";

const token = 'IQoJb3Jp/Z2luX2VjE+HcaCXV"zLWVhc3QtMSJHMEUCIQ&D4mNkZ==';
registerSecrets(token, "s3cr3t!?", undefined, "", "short", "password");
registerUrl("postgres://feeds:p%40ss-w%2Frd@db.example/feedctl?sslpassword=key-pass-phrase");
registerSecrets("DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=YWNtZS1hY2NvdW50LWtleQ==;EndpointSuffix=x");
registerSecrets("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nEFAASCBKcwggSj\n-----END PRIVATE KEY-----\n");

const cases: { name: string; text: string; shown: string | RegExp }[] = [
  { name: "as it is", text: `bad token ${token}`, shown: "bad token ***" },
  { name: "in a URL", text: `?t=${encodeURIComponent(token)}&x=1`, shown: "?t=***&x=1" },
  { name: "in a URL, lower case", text: encodeURIComponent("s3cr3t!?").toLowerCase(), shown: "***" },
  { name: "in JSON", text: JSON.stringify({ token, next: "kept" }), shown: '{"token":"***","next":"kept"}' },
  { name: "in XML", text: `<M>${token.replaceAll("&", "&amp;").replaceAll('"', "&quot;")}</M>`, shown: "<M>***</M>" },
  { name: "in base64", text: Buffer.from(token).toString("base64"), shown: "***" },
  { name: "cut off", text: `bad token ${token.slice(0, 22)}...`, shown: /^bad token \*\*\*\.*$/ },
  { name: "a short one, twice", text: "s3cr3t!? and s3cr3t!?", shown: "*** and ***" },
  {
    name: "a password, decoded and encoded",
    text: 'user "feeds" p@ss-w/rd p%40ss-w%2Frd',
    shown: 'user "feeds" *** ***',
  },
  { name: "a parameter of a connection", text: "cannot read key-pass-phrase", shown: "cannot read ***" },
  { name: "a part of a connection string", text: "key YWNtZS1hY2NvdW50LWtleQ== of acme", shown: "key *** of acme" },
  { name: "a line of a key", text: "MIIEvQIBADANBgkqhkiG9w0BAQ", shown: "***" },
  {
    name: "the password of an unknown URL",
    text: "proxy http://me:pw@proxy:3128/",
    shown: "proxy http://me:***@proxy:3128/",
  },
  {
    name: "a signed URL of S3",
    text: "at ?X-Amz-Signature=0a1b&X-Amz-Date=2",
    shown: "at ?X-Amz-Signature=***&X-Amz-Date=2",
  },
  { name: "a shared access signature", text: "?sv=2020&sig=a%2Bb%3D&se=1", shown: "?sv=2020&sig=***&se=1" },
  { name: "a header", text: "Authorization: Bearer eyJhbGciOi.x.y", shown: "Authorization: Bearer ***" },
  { name: "ordinary words and places", text: 'the password of "acme" at https://db.example:9000/short', shown: "same" },
];

for (const { name, text, shown } of cases) {
  test(`redacts a secret: ${name}`, () => {
    if (shown instanceof RegExp) assert.match(redact(text), shown);
    else assert.equal(redact(text), shown === "same" ? text : shown);
    assert.equal(redact(redact(text)), redact(text));
  });
}

test("an error has no secret in its message and hint, and none of its causes when they are printed", () => {
  const error = new FeedctlError("denied", `refused ${token}`, {
    hint: "not s3cr3t!?",
    cause: new Error("outer", { cause: Object.assign(new Error(`inner ${token}`), { headers: { token } }) }),
  });
  assert.equal(error.message, "refused ***");
  assert.equal(error.hint, "not ***");
  const printed = redact(inspect(error.cause, { depth: 4 }));
  assert.match(printed, /inner \*\*\*/);
  assert.ok(!printed.includes(token) && !printed.includes(token.slice(0, 20)));
});
