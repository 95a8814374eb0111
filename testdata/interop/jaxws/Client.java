import bookings.*;
import java.math.BigDecimal;
import java.util.*;
import javax.xml.namespace.QName;
import javax.xml.soap.*;
import javax.xml.ws.*;
import javax.xml.ws.handler.MessageContext;
import javax.xml.ws.handler.soap.*;
import javax.xml.ws.soap.*;
import java.net.URL;
import org.w3c.dom.NodeList;

/**
 * JAX-WS RI with the classes that wsimport makes of the published WSDL. Takes
 * location, user and password; prints "verdict, tab, feature" for each feature.
 */
public class Client {
  static final String TEXT = "K\u00e4ytt\u00e4j\u00e4 & <S\u00f6hne> \u2013 \u00bd \u20ac";
  static final String WSA = "http://www.w3.org/2005/08/addressing";
  static final String WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
  static String user, password;
  static BookingService service;
  static orders.OrderService orderService;

  interface Feature {
    void run(String number) throws Exception;
  }

  static Bookings login(Bookings port, String user, String password) {
    Map<String, Object> context = ((BindingProvider) port).getRequestContext();
    context.put(BindingProvider.USERNAME_PROPERTY, user);
    context.put(BindingProvider.PASSWORD_PROPERTY, password);
    return port;
  }

  static Bookings port(WebServiceFeature... features) {
    return login(service.getBookings11(features), user, password);
  }

  static void check(boolean good, Object what) {
    if (!good) throw new IllegalStateException(String.valueOf(what));
  }

  /** Books, and returns the booking's id; the document is both sent and answered. */
  static long book(Bookings port, String number, String quantity, Holder<byte[]> document) throws RefusedFault {
    Holder<String> said = new Holder<>(number);
    Holder<Long> id = new Holder<>();
    port.book(number, said, TEXT, new BigDecimal(quantity), document, id);
    check(said.value.equals(number), said.value);
    return id.value;
  }

  static long book(Bookings port, String number) throws RefusedFault {
    return book(port, number, "12.5", new Holder<>());
  }

  static void basic(String number) throws Exception {
    try {
      book(login(port(), user, "wrong"), number + "-wrong");
    } catch (WebServiceException refused) {
      check(refused.getMessage().contains("401") || refused.getMessage().contains("user name or password"), refused);
      book(port(), number);
      return;
    }
    throw new IllegalStateException("a wrong password is taken");
  }

  static void token(String number) throws Exception {
    Bookings port = service.getBookings11();
    handle(port, (message, outbound) -> {
      if (!outbound) return;
      SOAPEnvelope envelope = message.getSOAPPart().getEnvelope();
      SOAPHeader header = envelope.getHeader() == null ? envelope.addHeader() : envelope.getHeader();
      SOAPHeaderElement security = header.addHeaderElement(new QName(WSSE, "Security", "wsse"));
      security.setMustUnderstand(true);
      SOAPElement token = security.addChildElement("UsernameToken", "wsse");
      token.addChildElement("Username", "wsse").addTextNode(user);
      token.addChildElement("Password", "wsse").addTextNode(password);
    });
    book(port, number);
  }

  static void fault(String number) throws Exception {
    try {
      book(port(), number, "0", new Holder<>());
    } catch (RefusedFault refused) {
      check(refused.getFaultInfo().getCode().equals("NOTHING") && refused.getFaultInfo().getMessage().contains(number), refused.getFaultInfo().getMessage());
      return;
    }
    throw new IllegalStateException("there is no fault");
  }

  static void gzip(String number) throws Exception {
    Bookings port = port();
    ((BindingProvider) port).getRequestContext().put(MessageContext.HTTP_REQUEST_HEADERS,
        Collections.singletonMap("Content-Encoding", Collections.singletonList("gzip")));
    book(port, number);
  }

  static void addressing(String number) throws Exception {
    Bookings port = port(new AddressingFeature(true, true));
    List<String> ids = new ArrayList<>(); // what was sent, and what the answer relates to
    handle(port, (message, outbound) -> {
      NodeList found = message.getSOAPPart().getEnvelope().getElementsByTagNameNS(WSA, outbound ? "MessageID" : "RelatesTo");
      for (int i = 0; i < found.getLength(); i++) ids.add(found.item(i).getTextContent());
    });
    Holder<String> said = new Holder<>(number);
    port.ask(said);
    check(said.value.equals(number), said.value);
    check(ids.size() == 2 && ids.get(0).equals(ids.get(1)), ids);
  }

  static void attachment(String number) throws Exception {
    byte[] document = new byte[40000];
    for (int i = 0; i < document.length; i++) document[i] = (byte) (i * 7);
    Holder<byte[]> both = new Holder<>(document);
    book(port(new MTOMFeature(true)), number, "12.5", both);
    check(Arrays.equals(both.value, document), "the document comes back as another");
  }

  static void repeat(String number) throws Exception {
    long first = book(port(), number), second = book(port(), number);
    check(first == second, first + " and " + second);
  }

  static orders.OrderPortType orders() {
    orders.OrderPortType port = orderService.getOrderPort11();
    Map<String, Object> context = ((BindingProvider) port).getRequestContext();
    context.put(BindingProvider.USERNAME_PROPERTY, user);
    context.put(BindingProvider.PASSWORD_PROPERTY, password);
    return port;
  }

  static orders.OrderState status(String number) throws orders.OrderFaultMessage {
    Holder<String> said = new Holder<>(number);
    Holder<orders.OrderState> status = new Holder<>();
    orders().getOrderStatus(said, new Holder<>(), status, new Holder<>(), new Holder<>(), new Holder<>(), new Holder<>());
    check(said.value.equals(number), said.value);
    return status.value;
  }

  static void query(String number) throws Exception {
    check(status(number) == orders.OrderState.CONFIRMED, "the order has another status");
    try {
      status(number + "-no");
    } catch (orders.OrderFaultMessage refused) {
      check(refused.getFaultInfo().getCode().equals("UNKNOWN_ORDER"), refused.getFaultInfo().getCode());
      return;
    }
    throw new IllegalStateException("there is no fault");
  }

  /** Pages: After is both asked with and answered. */
  static void pages(String number) throws Exception {
    orders.OrderPortType port = orders();
    List<String> found = new ArrayList<>();
    Holder<String> after = new Holder<>();
    do {
      Holder<List<orders.StoredOrder>> page = new Holder<>();
      port.findOrders(number, null, null, null, 8, after, page);
      for (orders.StoredOrder order : page.value) {
        check(order.getLine().size() == 1 && order.getLine().get(0).getSku().equals("BOLT-M8"), order.getOrderNumber());
        found.add(order.getOrderNumber());
      }
    } while (after.value != null);
    check(found.size() == 25 && new HashSet<>(found).size() == 25, found);
  }

  interface Look {
    void at(SOAPMessage message, boolean outbound) throws SOAPException;
  }

  @SuppressWarnings("rawtypes")
  static void handle(Bookings port, Look look) {
    Binding binding = ((BindingProvider) port).getBinding();
    List<javax.xml.ws.handler.Handler> chain = binding.getHandlerChain();
    chain.add(new SOAPHandler<SOAPMessageContext>() {
      public boolean handleMessage(SOAPMessageContext context) {
        try {
          look.at(context.getMessage(), (Boolean) context.get(MessageContext.MESSAGE_OUTBOUND_PROPERTY));
          return true;
        } catch (SOAPException e) {
          throw new WebServiceException(e);
        }
      }

      public boolean handleFault(SOAPMessageContext context) {
        return true;
      }

      public void close(MessageContext context) {}

      public Set<QName> getHeaders() {
        return Collections.singleton(new QName(WSSE, "Security"));
      }
    });
    binding.setHandlerChain(chain);
  }

  public static void main(String[] args) throws Exception {
    user = args[1];
    password = args[2];
    service = new BookingService(new URL(args[0] + "?wsdl"));
    orderService = new orders.OrderService(new URL(args[0].replace("interop/BookingService", "orders/OrderService") + "?wsdl"));
    Map<String, Feature> features = new LinkedHashMap<>();
    features.put("soap11", n -> book(port(), n));
    features.put("soap12", n -> book(login(service.getBookings12(), user, password), n));
    features.put("basic", Client::basic);
    features.put("token", Client::token);
    features.put("fault", Client::fault);
    features.put("oneway", n -> port().tell(n));
    features.put("gzip", Client::gzip);
    features.put("addressing", Client::addressing);
    features.put("attachment", Client::attachment);
    features.put("repeat", Client::repeat);
    features.put("query", Client::query);
    features.put("pages", Client::pages);
    for (Map.Entry<String, Feature> feature : features.entrySet()) {
      String verdict = "ok";
      try {
        feature.getValue().run("jaxws-" + feature.getKey());
      } catch (Exception failure) {
        verdict = failure.toString().replaceAll("\\s+", " ");
      }
      System.out.println(verdict + "\t" + feature.getKey());
    }
  }
}
