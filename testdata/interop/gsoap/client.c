/* gSOAP with what wsdl2h and soapcpp2 make of the published WSDL. Takes location,
 * user and password; prints "verdict, tab, feature" for each feature. */
#include "Bookings11.nsmap"
#include "soapH.h"
#include "wsaapi.h"
#include "wsseapi-lite.h"

#define TEXT "K\xc3\xa4ytt\xc3\xa4j\xc3\xa4 & <S\xc3\xb6hne> \xe2\x80\x93 \xc2\xbd \xe2\x82\xac"
#define DOCUMENT 40000

static const char *location, *user, *password;
static char why[2000];

static int say(const char *what, const char *more) {
  snprintf(why, sizeof why, "%s %s", what, more ? more : "");
  return 1;
}

static int fails(struct soap *soap) {
  soap_sprint_fault(soap, why, sizeof why);
  return 1;
}

/* Made from a WSDL of both versions, gSOAP begins with SOAP 1.2: what it declares is
 * changed for 1.1. */
static const struct Namespace *namespaces11(void) {
  static struct Namespace table[sizeof namespaces / sizeof *namespaces];
  memcpy(table, namespaces, sizeof namespaces);
  table[0].ns = "http://schemas.xmlsoap.org/soap/envelope/";
  table[1].ns = "http://schemas.xmlsoap.org/soap/encoding/";
  return table;
}

static struct soap *client(soap_mode mode) {
  struct soap *soap = soap_new1(SOAP_C_UTFSTRING | mode);
  soap->connect_timeout = soap->send_timeout = soap->recv_timeout = 20;
  soap_set_namespaces(soap, namespaces11());
  soap->userid = user;
  soap->passwd = password;
  return soap;
}

static struct ns1__Booking booking(const char *number, const char *quantity) {
  struct ns1__Booking b = {0};
  b.MessageId = b.Number = (char *)number;
  b.Text = (char *)TEXT;
  b.Quantity = (char *)quantity;
  return b;
}

static int same(const char *got, const char *want) {
  return got && !strcmp(got, want) ? 0 : say("the reply has", got);
}

static int book(struct soap *soap, const char *number) {
  struct ns1__Booking b = booking(number, "12.5");
  struct _ns1__BookResponse reply = {0};
  return soap_call___ns1__Book(soap, location, NULL, &b, &reply) ? fails(soap) : same(reply.Number, number);
}

static int soap11(const char *number) { return book(client(0), number); }

static int soap12(const char *number) {
  struct soap *soap = client(0);
  struct ns1__Booking b = booking(number, "12.5");
  struct _ns1__BookResponse reply = {0};
  soap_set_namespaces(soap, namespaces);
  return soap_call___ns1__Book_(soap, location, NULL, &b, &reply) ? fails(soap) : same(reply.Number, number);
}

static int basic(const char *number) {
  struct soap *soap = client(0);
  char wrong[100];
  snprintf(wrong, sizeof wrong, "%s-wrong", number);
  soap->passwd = "wrong";
  if (!book(soap, wrong)) return say("a wrong password is taken", "");
  if (soap->error != 401 && !strstr(why, "user name or password")) return 1;
  return book(client(0), number);
}

static int token(const char *number) {
  struct soap *soap = client(0);
  soap->userid = soap->passwd = NULL;
  if (soap_wsse_add_UsernameTokenText(soap, "user", user, password)) return fails(soap);
  return book(soap, number);
}

static int fault(const char *number) {
  struct soap *soap = client(0);
  struct ns1__Booking b = booking(number, "0");
  struct _ns1__BookResponse reply = {0};
  if (!soap_call___ns1__Book(soap, location, NULL, &b, &reply)) return say("there is no fault", "");
  if (!soap->fault || !soap->fault->detail || !soap->fault->detail->ns1__Refused) return fails(soap);
  struct _ns1__Refused *refused = soap->fault->detail->ns1__Refused;
  return strcmp(refused->Code, "NOTHING") || !strstr(refused->Message, number) ? say("the detail has", refused->Message) : 0;
}

static int oneway(const char *number) {
  struct soap *soap = client(0);
  struct _ns1__Tell tell = {(char *)number};
  return soap_send___ns1__Tell(soap, location, NULL, &tell) || soap_recv_empty_response(soap) ? fails(soap) : 0;
}

static int gzip(const char *number) { return book(client(SOAP_ENC_ZLIB), number); }

static int addressing(const char *number) {
  struct soap *soap = client(0);
  struct _ns1__Ask ask = {(char *)number};
  struct _ns1__AskResponse reply = {0};
  const char *id = soap_wsa_rand_uuid(soap);
  soap_register_plugin(soap, soap_wsa);
  if (soap_wsa_request(soap, id, location, "urn:gatehouse:samples:bookings:1/Ask")) return fails(soap);
  if (soap_call___ns1__Ask(soap, location, NULL, &ask, &reply)) return fails(soap);
  if (!soap->header || !soap->header->wsa5__RelatesTo || strcmp(soap->header->wsa5__RelatesTo->__item, id)) return say("the answer does not relate to", id);
  return same(reply.Number, number);
}

static int attachment(const char *number) {
  static unsigned char octets[DOCUMENT];
  struct soap *soap = client(SOAP_ENC_MTOM);
  struct ns1__Booking b = booking(number, "12.5");
  struct _ns1__BookResponse reply = {0};
  for (int i = 0; i < DOCUMENT; i++) octets[i] = i * 7;
  b.Document.__ptr = octets;
  b.Document.__size = DOCUMENT;
  b.Document.type = "application/octet-stream";
  if (soap_call___ns1__Book(soap, location, NULL, &b, &reply)) return fails(soap);
  if (reply.Document.__size != DOCUMENT || memcmp(reply.Document.__ptr, octets, DOCUMENT)) return say("the document comes back as another", "");
  return same(reply.Number, number);
}

static int repeat(const char *number) {
  LONG64 ids[2];
  for (int i = 0; i < 2; i++) {
    struct soap *soap = client(0);
    struct ns1__Booking b = booking(number, "12.5");
    struct _ns1__BookResponse reply = {0};
    if (soap_call___ns1__Book(soap, location, NULL, &b, &reply)) return fails(soap);
    ids[i] = reply.BookingId;
  }
  return ids[0] != ids[1] ? say("the replies differ", "") : 0;
}

/* The sample's contract, beside the one of the bookings. */
static const char *orders(void) {
  static char at[300];
  const char *end = strstr(location, "/interop/");
  snprintf(at, sizeof at, "%.*s/orders/OrderService", (int)(end ? end - location : 0), location);
  return at;
}

static int query(const char *number) {
  struct soap *soap = client(0);
  struct _ns2__GetOrderStatus asked = {(char *)number};
  struct _ns2__GetOrderStatusResponse order = {0};
  char unknown[100];
  if (soap_call___ns2__GetOrderStatus(soap, orders(), NULL, &asked, &order)) return fails(soap);
  if (same(order.OrderNumber, number)) return 1;
  if (order.Status != ns2__OrderState__CONFIRMED) return say("the order has another status", "");
  snprintf(unknown, sizeof unknown, "%s-no", number);
  asked.OrderNumber = unknown;
  soap = client(0);
  if (!soap_call___ns2__GetOrderStatus(soap, orders(), NULL, &asked, &order)) return say("there is no fault", "");
  if (!soap->fault || !soap->fault->detail || !soap->fault->detail->ns2__OrderFault) return fails(soap);
  const char *code = soap->fault->detail->ns2__OrderFault->Code;
  return strcmp(code, "UNKNOWN_ORDER") ? say("the detail has", code) : 0;
}

static int pages(const char *number) {
  char found[30][24], *after = NULL;
  int n = 0, size = 8;
  do {
    struct soap *soap = client(0);
    struct _ns2__FindOrders asked = {0};
    struct _ns2__FindOrdersResponse page = {0};
    asked.Customer = (char *)number;
    asked.PageSize = &size;
    asked.After = after;
    if (soap_call___ns2__FindOrders(soap, orders(), NULL, &asked, &page)) return fails(soap);
    for (int i = 0; i < page.__sizeOrder; i++) {
      struct ns2__StoredOrder *order = &page.Order[i];
      if (order->__sizeLine != 1 || strcmp(order->Line->Sku, "BOLT-M8")) return say("the lines are others of", order->OrderNumber);
      for (int k = 0; k < n; k++)
        if (!strcmp(found[k], order->OrderNumber)) return say("it comes twice:", order->OrderNumber);
      if (n == 30) return say("there are too many", "");
      snprintf(found[n++], sizeof *found, "%s", order->OrderNumber);
    }
    after = page.After;
  } while (after);
  return n != 25 ? say("it did not find 25", "") : 0;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    int (*run)(const char *);
  } features[] = {{"soap11", soap11}, {"soap12", soap12}, {"basic", basic}, {"token", token}, {"fault", fault}, {"oneway", oneway},
                  {"gzip", gzip}, {"addressing", addressing}, {"attachment", attachment}, {"repeat", repeat}, {"query", query}, {"pages", pages}};
  if (argc != 4) return 2;
  location = argv[1], user = argv[2], password = argv[3];
  for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
    char number[100];
    snprintf(number, sizeof number, "gsoap-%s", features[i].name);
    int bad = features[i].run(number);
    for (char *c = why; *c; c++)
      if (*c == '\n' || *c == '\t') *c = ' ';
    printf("%s\t%s\n", bad ? why : "ok", features[i].name);
  }
  return 0;
}
