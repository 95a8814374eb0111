# SOAP::Lite, with calls made by hand, as its users do with document/literal. Reads
# location, user and password from its input; prints "verdict, tab, feature" for each.
use strict;
use warnings;
use utf8;
use SOAP::Lite;
use SOAP::Lite::Packager;
use MIME::Entity;

binmode STDOUT, ':encoding(UTF-8)';
my ($location, $user, $password) = map { s/\s+$//r } <STDIN>;
my $space = 'urn:gatehouse:samples:bookings:1';
my $orders = 'urn:gatehouse:samples:orders:1';
my $wsa = 'http://www.w3.org/2005/08/addressing';
my $wsse = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
my $text = 'Käyttäjä & <Söhne> – ½ €';

# What SOAP::Lite asks for once the server wants credentials.
my @credentials;
sub SOAP::Transport::HTTP::Client::get_basic_credentials { return @credentials }

sub client {
    my (%with) = @_;
    @credentials = $with{anonymous} ? () : ($user, $with{password} // $password);
    SOAP::Lite->soapversion($with{version} // '1.1'); # of the process, and before its objects are made
    my $of = $with{space} // $space;
    my $at = $of eq $orders ? $location =~ s{interop/BookingService}{orders/OrderService}r : $location;
    my $client = SOAP::Lite->new->proxy($at, timeout => 20, @{ $with{options} // [] })
      ->default_ns($of)->on_action(sub { "\"$of/$_[1]\"" })->autotype(0);
    $client->on_fault(sub { my (undef, $answer) = @_; ref $answer ? $answer : die "no SOAP: " . $client->transport->status . "\n" });
    return $client;
}

# Without types, which the contract does not want, SOAP::Lite escapes nothing either.
sub booking {
    my ($number, $quantity) = @_;
    return map { SOAP::Data->name(@$_) } [MessageId => $number], [Number => $number], [Text => SOAP::Utils::encode_data($text) =~ s/([^\x00-\xff])/'&#' . ord($1) . ';'/ger], [Quantity => $quantity // '12.5'];
}

sub reply {
    my ($answer) = @_;
    die "no answer\n" unless ref $answer;
    die 'a fault: ' . ($answer->faultstring || $answer->valueof('//Reason/Text')) . "\n" if $answer->fault;
    return $answer;
}

sub book {
    my ($client, $number, @headers) = @_;
    my $answer = reply($client->call(Book => @headers, booking($number)));
    my $got = $answer->valueof('//BookResponse/Number') // '';
    die "the reply has $got\n" unless $got eq $number;
    return $answer;
}

my %features = (
    soap11 => sub { book(client(), $_[0]) },
    soap12 => sub { book(client(version => '1.2'), $_[0]) },
    basic => sub {
        my $answer = eval { client(password => 'wrong')->call(Book => booking("$_[0]-wrong")) };
        die "a wrong password is taken\n" if ref $answer && !$answer->fault;
        die 'the wrong password gets ' . ($@ || $answer->faultstring) . "\n" unless $@ =~ /401/ || (ref $answer && $answer->faultstring =~ /password/);
        book(client(), $_[0]);
    },
    token => sub {
        my $token = SOAP::Header->type(xml => "<w:Security xmlns:w=\"$wsse\" soap:mustUnderstand=\"1\"><w:UsernameToken><w:Username>$user</w:Username><w:Password>$password</w:Password></w:UsernameToken></w:Security>");
        book(client(anonymous => 1), $_[0], $token);
    },
    fault => sub {
        my $answer = client()->call(Book => booking($_[0], '0'));
        die "there is no fault\n" unless ref $answer && $answer->fault;
        my $detail = $answer->faultdetail->{Refused} or die "no detail\n";
        die "the detail is $detail->{Code}, $detail->{Message}\n" unless $detail->{Code} eq 'NOTHING' && $detail->{Message} =~ /\Q$_[0]\E/;
    },
    oneway => sub {
        my $client = client();
        $client->call(Tell => SOAP::Data->name(Number => $_[0]));
        die 'the status is ' . $client->transport->status . "\n" unless $client->transport->is_success;
    },
    gzip => sub { book(client(options => [options => { compress_threshold => 10 }]), $_[0]) },
    addressing => sub {
        my ($number) = @_;
        my $id = "urn:perl:$number";
        my @headers = map { SOAP::Header->type(xml => $_) } "<a:MessageID xmlns:a=\"$wsa\" soap:mustUnderstand=\"1\">$id</a:MessageID>", "<a:Action xmlns:a=\"$wsa\">$space/Ask</a:Action>";
        my $answer = reply(client()->call(Ask => @headers, SOAP::Data->name(Number => $number)));
        my $related = $answer->valueof('/Envelope/Header/RelatesTo') // '';
        die "the answer relates to $related\n" unless $related eq $id;
    },
    attachment => sub {
        my ($number) = @_;
        my $octets = join '', map { chr($_ * 7 % 256) } 0 .. 39_999;
        my $part = MIME::Entity->build(Type => 'application/octet-stream', Encoding => 'binary', Data => $octets, Id => '<document@perl>', Top => 0);
        my $document = SOAP::Data->type(xml => "<Document><x:Include xmlns:x=\"http://www.w3.org/2004/08/xop/include\" href=\"cid:document\@perl\"/></Document>");
        # It encodes the whole body, parts and all: in this encoding every octet stays.
        my $client = client();
        $client->serializer->encoding('iso-8859-1');
        my $answer = reply($client->packager(SOAP::Lite::Packager::MIME->new)->parts([$part])->call(Book => booking($number), $document));
        die "the reply has another number\n" unless $answer->valueof('//BookResponse/Number') eq $number;
    },
    repeat => sub {
        my ($number) = @_;
        my ($first, $second) = map { book(client(), $number)->valueof('//BookResponse/BookingId') } 1, 2;
        die "the replies differ\n" unless $first == $second;
    },
    query => sub {
        my ($number) = @_;
        my $client = client(space => $orders);
        my $order = reply($client->call(GetOrderStatus => SOAP::Data->name(OrderNumber => $number)))->valueof('//GetOrderStatusResponse');
        die "the order is $order->{OrderNumber}, $order->{Status}\n" unless $order->{OrderNumber} eq $number && $order->{Status} eq 'CONFIRMED';
        my $answer = $client->call(GetOrderStatus => SOAP::Data->name(OrderNumber => "$number-no"));
        die "there is no fault\n" unless ref $answer && $answer->fault;
        my $detail = $answer->faultdetail->{OrderFault} or die "no detail\n";
        die "the detail is $detail->{Code}\n" unless $detail->{Code} eq 'UNKNOWN_ORDER';
    },
    pages => sub {
        my ($number) = @_;
        my (%found, $after);
        do {
            my @more = $after ? ([After => $after]) : ();
            my $page = reply(client(space => $orders)->call(FindOrders => map { SOAP::Data->name(@$_) } [Customer => $number], [PageSize => 8], @more));
            for my $order ($page->valueof('//FindOrdersResponse/Order')) {
                die "an order has $order->{Line}{Sku}\n" unless $order->{Line}{Sku} eq 'BOLT-M8';
                $found{ $order->{OrderNumber} }++;
            }
            $after = $page->valueof('//FindOrdersResponse/After');
        } while $after;
        die 'it found ' . join(' ', %found) . "\n" unless 25 == keys %found && !grep { $_ != 1 } values %found;
    },
);
# Once it has spoken SOAP 1.2, its Content-Type of 1.1 does not come back: that is last.
for my $name (qw(soap11 basic token fault oneway gzip addressing attachment repeat query pages soap12)) {
    my $verdict = 'ok';
    unless (eval { $features{$name}->("soap-lite-$name"); 1 }) {
        ($verdict = $@) =~ s/\s+/ /g;
    }
    print "$verdict\t$name\n";
}
