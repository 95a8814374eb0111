package sqlserver

import (
	"fmt"

	"github.com/gatehouse/gatehouse/adapters/internal/sqlstore"
)

// The parts of the statements that are about the lot. They are skipped unless
// @lot is 1, which it is only when a message of the batch can be held or was
// held before. @w holds those messages and what each is asked about: held, when
// nothing is tried of it; own, when it releases itself; the origin, when its
// queue may have handed it out before.
const lotDeclaration = `DECLARE @w TABLE (n int NOT NULL PRIMARY KEY, held int NOT NULL, own int NOT NULL, route nvarchar(128) COLLATE Latin1_General_BIN2 NOT NULL,
  okey nvarchar(400) COLLATE Latin1_General_BIN2 NULL, origin binary(32) NULL, release binary(16) NULL, state varchar(16) NULL, asked int NOT NULL DEFAULT 0);`

// lotLocking locks what the batch releases, before anything else is locked, and
// sees which of it is still open. An update does that under every isolation
// level and on every server that speaks the language.
var lotLocking = fmt.Sprintf(`IF @lot = 1
BEGIN
INSERT INTO @w (n, held, own, route, okey, origin, release)
SELECT j.n, j.held, j.own, j.route, j.okey, CONVERT(binary(32), j.origin, 2), CONVERT(binary(16), j.release, 2)
FROM OPENJSON(@rows, '$.w') WITH (n int '$[0]', held int '$[1]', own int '$[2]', route nvarchar(128) '$[3]', okey nvarchar(400) '$[4]', origin char(64) '$[5]', release char(32) '$[6]') AS j;
UPDATE m SET st = %d FROM @m AS m INNER JOIN @w AS w ON w.n = m.n WHERE w.held = 1;
UPDATE h SET attempts = h.attempts FROM (SELECT TOP (2147483647) a.release FROM @w AS a WHERE a.release IS NOT NULL ORDER BY a.release) AS w
INNER JOIN gateway.held AS h ON h.id = w.release%s;
UPDATE w SET state = h.state FROM @w AS w INNER JOIN gateway.held AS h ON h.id = w.release;
END`, only, inOrder)

// lotDeciding settles the messages that the lot decides about. What the inbox
// has with the same body is none of them: it comes first.
var lotDeciding = fmt.Sprintf(`IF @lot = 1
BEGIN
UPDATE w SET asked = 1 FROM @w AS w INNER JOIN @m AS m ON m.n = w.n LEFT JOIN gateway.inbox AS b ON m.st = %[1]d AND b.claim = m.claim WHERE m.st <> %[1]d OR b.body <> m.body;
UPDATE m SET st = CASE WHEN h.state = '%[2]s' THEN %[4]d ELSE %[5]d END, first = h.id
FROM @w AS w INNER JOIN @m AS m ON m.n = w.n INNER JOIN gateway.held AS h ON h.id = m.id WHERE w.asked = 1 AND w.release IS NULL;
UPDATE m SET st = CASE WHEN h.state = '%[2]s' THEN %[4]d ELSE %[5]d END, first = h.id
FROM @w AS w INNER JOIN @m AS m ON m.n = w.n INNER JOIN gateway.held AS h WITH (UPDLOCK) ON h.origin = w.origin
WHERE w.asked = 1 AND w.release IS NULL AND m.st NOT IN (%[4]d, %[5]d) AND h.state IN ('%[2]s', '%[3]s');
UPDATE m SET st = CASE WHEN w.own = 1 AND w.state = '%[3]s' THEN %[5]d ELSE %[6]d END, first = w.release
FROM @w AS w INNER JOIN @m AS m ON m.n = w.n
WHERE w.asked = 1 AND w.release IS NOT NULL AND (w.state IS NULL OR w.state NOT IN ('%[2]s', '%[3]s') OR w.own = 1 AND w.state <> '%[2]s');
UPDATE m SET st = %[7]d FROM @w AS w INNER JOIN @m AS m ON m.n = w.n
WHERE m.st = %[8]d AND EXISTS (SELECT 1 FROM gateway.held AS h WHERE h.state = '%[2]s' AND h.route = w.route AND h.ordering_key = w.okey AND h.id < m.id);
END`, known, sqlstore.Waiting, sqlstore.Parked, waits, lies, gone, behind, going)

// repeated begins the records of repeats (gateway.TakenRepeat).
const repeated = "03"

// In the second statement @h holds the messages that are held from now on, or
// held on (again); @x those that are held and change, and how; @l the lines of
// the history, a line of a message that is closed only if this closes it.
const (
	heldDeclarations = `DECLARE @h TABLE (n int NOT NULL PRIMARY KEY, id binary(16) NOT NULL, again int NOT NULL, received datetime2(3) NOT NULL, route nvarchar(128) NOT NULL, endpoint nvarchar(256) NOT NULL,
  mapping nvarchar(256) NOT NULL, contract binary(32) NOT NULL, principal nvarchar(400) NOT NULL, login nvarchar(400) NOT NULL, sender nvarchar(400) NOT NULL, ident nvarchar(400) NOT NULL,
  body binary(32) NOT NULL, ctype nvarchar(255) NOT NULL, okey nvarchar(400) NOT NULL, trace nvarchar(64) NOT NULL, correlation nvarchar(1000) NOT NULL, origin binary(32) NULL,
  properties nvarchar(max) NOT NULL, state varchar(16) NOT NULL, code varchar(16) NOT NULL, reason nvarchar(4000) NOT NULL, attempts int NOT NULL, due datetime2(3) NULL, until datetime2(3) NULL,
  packing tinyint NOT NULL, po int NOT NULL, pl int NOT NULL, cause nvarchar(200) NOT NULL);
DECLARE @x TABLE (id binary(16) NOT NULL PRIMARY KEY, how int NOT NULL, who nvarchar(400) NOT NULL, state varchar(16) NULL, route nvarchar(128) COLLATE Latin1_General_BIN2 NULL,
  okey nvarchar(400) COLLATE Latin1_General_BIN2 NULL);
DECLARE @l TABLE (message binary(16) NOT NULL, id binary(16) NOT NULL, what varchar(16) NOT NULL, who nvarchar(400) NOT NULL, code varchar(16) NOT NULL, reason nvarchar(4000) NOT NULL);`

	// A record of a repeat is none, too, when its waiting row is not this batch's to
	// remove.
	heldReading = `INSERT INTO @h (n, id, again, received, route, endpoint, mapping, contract, principal, login, sender, ident, body, ctype, okey, trace, correlation, origin, properties, state, code, reason, attempts, due, until, packing, po, pl, cause)
SELECT j.n, CONVERT(binary(16), j.id, 2), j.again, j.received, j.route, j.endpoint, j.mapping, CONVERT(binary(32), j.contract, 2), j.principal, j.login, j.sender, j.ident, CONVERT(binary(32), j.body, 2),
  j.ctype, j.okey, j.trace, j.correlation, CONVERT(binary(32), j.origin, 2), j.properties, j.state, j.code, j.reason, j.attempts, j.due, j.until, j.packing, j.po, j.pl, j.cause
FROM OPENJSON(@meta, '$.h') WITH (n int '$[0]', id char(32) '$[1]', again int '$[2]', received datetime2(3) '$[3]', route nvarchar(128) '$[4]', endpoint nvarchar(256) '$[5]', mapping nvarchar(256) '$[6]',
  contract char(64) '$[7]', principal nvarchar(400) '$[8]', login nvarchar(400) '$[9]', sender nvarchar(400) '$[10]', ident nvarchar(400) '$[11]', body char(64) '$[12]', ctype nvarchar(255) '$[13]',
  okey nvarchar(400) '$[14]', trace nvarchar(64) '$[15]', correlation nvarchar(1000) '$[16]', origin char(64) '$[17]', properties nvarchar(max) '$[18]' AS JSON, state varchar(16) '$[19]', code varchar(16) '$[20]',
  reason nvarchar(4000) '$[21]', attempts int '$[22]', due datetime2(3) '$[23]', until datetime2(3) '$[24]', packing tinyint '$[25]', po int '$[26]', pl int '$[27]', cause nvarchar(200) '$[28]') AS j;
INSERT INTO @x (id, how, who)
SELECT CONVERT(binary(16), j.id, 2), j.how, j.who FROM OPENJSON(@meta, '$.x') WITH (id char(32) '$[0]', how int '$[1]', who nvarchar(400) '$[2]') AS j;
INSERT INTO @l (message, id, what, who, code, reason)
SELECT CONVERT(binary(16), j.message, 2), CONVERT(binary(16), j.id, 2), j.what, j.who, j.code, j.reason
FROM OPENJSON(@meta, '$.l') WITH (message char(32) '$[0]', id char(32) '$[1]', what varchar(16) '$[2]', who nvarchar(400) '$[3]', code varchar(16) '$[4]', reason nvarchar(4000) '$[5]') AS j;
UPDATE x SET state = h.state, route = h.route, okey = h.ordering_key FROM @x AS x INNER JOIN gateway.held AS h ON h.id = x.id;
DELETE l FROM @l AS l INNER JOIN @x AS x ON x.id = l.message WHERE x.state IS NULL OR NOT (x.state = 'waiting' OR x.state = 'parked' AND x.how = 2);
DELETE FROM @x WHERE state IS NULL OR NOT (state = 'waiting' OR state = 'parked' AND how = 2);
DELETE a FROM @a AS a WHERE SUBSTRING(a.record, 1, 2) = '` + repeated + `' AND NOT EXISTS (SELECT 1 FROM @x AS x WHERE x.how = 1 AND x.id = CONVERT(binary(16), SUBSTRING(a.record, 3, 32), 2));`

	heldWriting = `DELETE h FROM @x AS x INNER JOIN gateway.held AS h ON h.id = x.id WHERE x.how = 1;
DELETE p FROM @x AS x INNER JOIN gateway.payload AS p ON p.message_id = x.id WHERE x.how = 1;
DELETE k FROM @x AS x INNER JOIN gateway.message_key AS k ON k.message_id = x.id WHERE x.how = 1;
UPDATE h SET state = 'replayed', next_at = NULL, until_at = NULL, closed_by = x.who FROM @x AS x INNER JOIN gateway.held AS h ON h.id = x.id WHERE x.how = 2;
UPDATE h SET state = v.state, code = v.code, reason = v.reason, attempts = v.attempts, next_at = v.due, until_at = v.until, cause = v.cause FROM @h AS v INNER JOIN gateway.held AS h ON h.id = v.id WHERE v.again = 1;
INSERT INTO gateway.held (id, received_at, route, endpoint, mapping, contract, principal, login, sender, "identity", body, content_type, ordering_key, traceparent, correlation, origin, properties,
  state, code, reason, attempts, next_at, until_at, cause)
SELECT v.id, v.received, v.route, v.endpoint, v.mapping, v.contract, v.principal, v.login, v.sender, v.ident, v.body, v.ctype, v.okey, v.trace, v.correlation, v.origin, v.properties,
  v.state, v.code, v.reason, v.attempts, v.due, v.until, v.cause FROM @h AS v WHERE v.again = 0;
INSERT INTO gateway.payload (message_id, packing, body) SELECT v.id, v.packing, SUBSTRING(@blob, v.po + 1, v.pl) FROM @h AS v WHERE v.again = 0;
INSERT INTO gateway.message_key (value, message_id, name) SELECT k.value, v.id, k.name FROM @k AS k INNER JOIN @h AS v ON v.n = k.n WHERE v.again = 0;
INSERT INTO gateway.attempt (message_id, id, at, what, done_by, code, reason)
SELECT l.message, l.id, @at, l.what, l.who, l.code, l.reason FROM @l AS l WHERE NOT EXISTS (SELECT 1 FROM gateway.attempt AS a WHERE a.message_id = l.message AND a.id = l.id);
UPDATE h SET next_at = @at FROM (SELECT DISTINCT x.route, x.okey FROM @x AS x) AS f
INNER JOIN gateway.held AS h ON h.id = (SELECT TOP (1) o.id FROM gateway.held AS o WHERE o.state = 'waiting' AND o.route = f.route AND o.ordering_key = f.okey ORDER BY o.id)
WHERE h.state = 'waiting' AND h.next_at IS NULL;`
)
