// node-soap, as made from the published WSDL. Reads location, user and password
// from its input; prints "verdict, tab, feature" for each feature.
'use strict';
const assert = require('assert');
const fs = require('fs');
const soap = require('soap');

const [location, user, password] = fs.readFileSync(0, 'utf8').split('\n');
const TEXT = 'Käyttäjä & <Söhne> – ½ €';
const WSA = 'http://www.w3.org/2005/08/addressing';
const DOCUMENT = Buffer.from(Array.from({ length: 40000 }, (_, i) => (i * 7) % 256));

async function client(options = {}, security = new soap.BasicAuthSecurity(user, password), service = location) {
  const made = await soap.createClientAsync(service + '?wsdl', { disableCache: true, ...options });
  made.setSecurity(security);
  return made;
}

const orders = () => client({}, undefined, location.replace('interop/BookingService', 'orders/OrderService'));

const booking = (number, quantity = '12.5') => ({ MessageId: number, Number: number, Text: TEXT, Quantity: quantity });

async function book(c, number, ...more) {
  const [reply] = await c.BookAsync(booking(number), ...more);
  assert.strictEqual(reply.Number, number);
  return reply;
}

const features = {
  soap11: async (n) => { await book(await client(), n); },
  soap12: async (n) => { await book(await client({ forceSoap12Headers: true }), n); },
  basic: async (n) => {
    const c = await client({}, new soap.BasicAuthSecurity(user, 'wrong'));
    await assert.rejects(book(c, n + '-wrong'), /user name or password|401/);
    await book(await client(), n);
  },
  token: async (n) => {
    await book(await client({}, new soap.WSSecurity(user, password, { passwordType: 'PasswordText', mustUnderstand: 1 })), n);
  },
  fault: async (n) => {
    await assert.rejects((await client()).BookAsync(booking(n, '0')), (refused) => {
      const detail = refused.root.Envelope.Body.Fault.detail.Refused;
      assert.strictEqual(detail.Code, 'NOTHING');
      assert.ok(detail.Message.includes(n), detail.Message);
      return true;
    });
  },
  oneway: async (n) => {
    const [answer] = await (await client()).TellAsync({ Number: n });
    assert.ok(!answer, JSON.stringify(answer));
  },
  // It sends the length of what it had before compressing, unless that is taken away.
  gzip: async (n) => { await book(await client(), n, { forceGzip: true }, { 'Content-Length': undefined }); },
  addressing: async (n) => {
    const c = await client();
    c.addSoapHeader(`<a:MessageID xmlns:a="${WSA}" soap:mustUnderstand="1">urn:node:${n}</a:MessageID>`);
    c.addSoapHeader(`<a:Action xmlns:a="${WSA}">urn:gatehouse:samples:bookings:1/Ask</a:Action>`);
    const [, , headers] = await c.AskAsync({ Number: n });
    const related = headers.RelatesTo;
    assert.strictEqual(related.$value ?? related, `urn:node:${n}`);
  },
  // It writes the part, and leaves the reference to it to its caller.
  attachment: async (n) => {
    const c = await client();
    const document = { 'x:Include': { attributes: { 'xmlns:x': 'http://www.w3.org/2004/08/xop/include', href: 'cid:document@node' } } };
    const attachments = [{ mimetype: 'application/octet-stream', contentId: 'document@node', name: 'document', body: DOCUMENT }];
    const [reply] = await c.BookAsync({ ...booking(n), Document: document }, { attachments, forceMTOM: true });
    assert.strictEqual(reply.Number, n);
  },
  repeat: async (n) => {
    const c = await client();
    assert.deepStrictEqual(await book(c, n), await book(c, n));
  },
  query: async (n) => {
    const c = await orders();
    const [order] = await c.GetOrderStatusAsync({ OrderNumber: n });
    assert.strictEqual(order.OrderNumber, n);
    assert.strictEqual(order.Status, 'CONFIRMED');
    assert.ok(order.OrderedAt instanceof Date, String(order.OrderedAt));
    await assert.rejects(c.GetOrderStatusAsync({ OrderNumber: n + '-no' }), (refused) => {
      assert.strictEqual(refused.root.Envelope.Body.Fault.detail.OrderFault.Code, 'UNKNOWN_ORDER');
      return true;
    });
  },
  pages: async (n) => {
    const c = await orders();
    const found = [];
    let After;
    do {
      const [page] = await c.FindOrdersAsync({ Customer: n, PageSize: 8, ...(After && { After }) });
      for (const order of page.Order) {
        assert.strictEqual(order.Line[0].Sku, 'BOLT-M8');
        found.push(order.OrderNumber);
      }
      ({ After } = page);
    } while (After);
    assert.strictEqual(found.length, 25);
    assert.strictEqual(new Set(found).size, 25);
  },
};

(async () => {
  for (const [name, feature] of Object.entries(features)) {
    let verdict = 'ok';
    try {
      verdict = (await feature('node-soap-' + name)) || 'ok';
    } catch (failure) {
      verdict = String(failure).replace(/\s+/g, ' ').slice(0, 600);
    }
    console.log(`${verdict}\t${name}`);
  }
})();
