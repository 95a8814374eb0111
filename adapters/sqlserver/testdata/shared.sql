-- addNoting
INSERT INTO gateway.noting (id, subjects) VALUES (@p1, @p2);
-- addSealingKey
INSERT INTO gateway.sealing_key (id, secret, created_at)
			SELECT coalesce((SELECT MAX(k.id) FROM gateway.sealing_key AS k), 0) + 1, @p1, @p2
			WHERE NOT EXISTS (SELECT 1 FROM gateway.sealing_key WITH (UPDLOCK, SERIALIZABLE) WHERE created_at > @p3);
-- addTurn
INSERT INTO gateway.noted (chain, seq, noting) VALUES (@p1, @p2, @p3);
-- agedAudit
SELECT TOP (@p3) seq, hash, CASE WHEN at < @p2 THEN 1 ELSE 0 END FROM gateway.audit WHERE chain = @p1 ORDER BY seq ;
-- agedChanges
SELECT TOP (@p3) a.seq, CASE WHEN a.at < @p4 THEN 1 ELSE 0 END, (SELECT COUNT(*) FROM gateway.change AS c WHERE c.chain = a.chain AND c.seq = a.seq)
			FROM gateway.audit AS a WHERE a.chain = @p1 AND a.seq > @p2 ORDER BY a.seq ;
-- agedDiscarded
SELECT TOP (@p3) h.id, h.route, CASE WHEN EXISTS (SELECT 1 FROM gateway.attempt AS a WHERE a.message_id = h.id AND a.id >= @p2) THEN 1 ELSE 0 END, (SELECT COUNT(*) FROM gateway.message_key AS c WHERE c.message_id = h.id) + (SELECT COUNT(*) FROM gateway.attempt AS c WHERE c.message_id = h.id) + (SELECT COUNT(*) FROM gateway.delivery AS c WHERE c.message_id = h.id) + (SELECT COUNT(*) FROM gateway.attachment AS c WHERE c.message_id = h.id)
		FROM gateway.held AS h WHERE h.state = 'discarded' AND h.id > @p1 AND h.id < @p2 ORDER BY h.id ;
-- agedDiscards
SELECT g.channel, g.shard, g.seq FROM gateway.delivery AS d
			INNER JOIN gateway.discarded AS g ON g.channel = d.channel AND g.shard = d.shard AND g.seq = d.seq WHERE d.message_id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- agedInbox
SELECT TOP (@p3) i.message_id, coalesce(m.route, ''), CASE WHEN EXISTS (SELECT 1 FROM gateway.delivery AS d WHERE d.message_id = i.message_id
		AND (EXISTS (SELECT 1 FROM gateway.outbox AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq) OR EXISTS (SELECT 1 FROM gateway.parked AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq))) THEN 1 ELSE 0 END, 1
			FROM gateway.inbox AS i LEFT JOIN gateway.message AS m ON m.id = i.message_id
			WHERE i.message_id > @p1 AND i.message_id < @p2 ORDER BY i.message_id ;
-- agedLedger
SELECT TOP (@p3) m.id, m.route, CASE WHEN EXISTS (SELECT 1 FROM gateway.delivery AS d WHERE d.message_id = m.id
		AND (EXISTS (SELECT 1 FROM gateway.outbox AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq) OR EXISTS (SELECT 1 FROM gateway.parked AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq))) THEN 1 ELSE 0 END, (SELECT COUNT(*) FROM gateway.message_key AS c WHERE c.message_id = m.id) + (SELECT COUNT(*) FROM gateway.attempt AS c WHERE c.message_id = m.id) + (SELECT COUNT(*) FROM gateway.delivery AS c WHERE c.message_id = m.id) + (SELECT COUNT(*) FROM gateway.attachment AS c WHERE c.message_id = m.id)
			FROM gateway.message AS m WHERE m.route = @p4 AND m.id > @p1 AND m.id < @p2 ORDER BY m.id ;
-- agedPayloads
SELECT TOP (@p3) p.message_id, coalesce(m.route, ''), CASE WHEN m.id IS NULL OR EXISTS (SELECT 1 FROM gateway.delivery AS d WHERE d.message_id = p.message_id
		AND (EXISTS (SELECT 1 FROM gateway.outbox AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq) OR EXISTS (SELECT 1 FROM gateway.parked AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq))) THEN 1 ELSE 0 END,
			(SELECT COUNT(*) FROM gateway.attachment AS a WHERE a.message_id = p.message_id)
			FROM gateway.payload AS p LEFT JOIN gateway.message AS m ON m.id = p.message_id
			WHERE p.message_id > @p1 AND p.message_id < @p2 ORDER BY p.message_id ;
-- agedRefusals
SELECT TOP (@p3) r.id, r.route, CASE WHEN EXISTS (SELECT 1 FROM gateway.delivery AS d WHERE d.message_id = r.id
		AND (EXISTS (SELECT 1 FROM gateway.outbox AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq) OR EXISTS (SELECT 1 FROM gateway.parked AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq))) THEN 1 ELSE 0 END, 1
			FROM gateway.refusal AS r WHERE r.id > @p1 AND r.id < @p2 ORDER BY r.id ;
-- agedRelayed
SELECT TOP (@p5) first_seq, CASE WHEN confirmed_at < @p4 THEN 1 ELSE 0 END FROM gateway.relayed
			WHERE channel = @p1 AND shard = @p2 AND first_seq < @p3 ORDER BY first_seq ;
-- agedReplayed
SELECT TOP (@p3) h.id, h.route, CASE WHEN EXISTS (SELECT 1 FROM gateway.attempt AS a WHERE a.message_id = h.id AND a.id >= @p2) THEN 1 ELSE 0 END, (SELECT COUNT(*) FROM gateway.message_key AS c WHERE c.message_id = h.id) + (SELECT COUNT(*) FROM gateway.attempt AS c WHERE c.message_id = h.id) + (SELECT COUNT(*) FROM gateway.delivery AS c WHERE c.message_id = h.id) + (SELECT COUNT(*) FROM gateway.attachment AS c WHERE c.message_id = h.id)
		FROM gateway.held AS h WHERE h.state = 'replayed' AND h.id > @p1 AND h.id < @p2 ORDER BY h.id ;
-- appendAct
INSERT INTO gateway.audit (chain, seq, at, kind, done_by, what, target, reason, content, previous, hash)
			VALUES (@p1, @p2, @p3, 'act', @p4, @p5, @p6, @p7, CONVERT(varbinary(max), @p8, 2), @p9, @p10);
-- applied
SELECT version, checksum, applied_at FROM gateway.migration WHERE name = @p1 ORDER BY version DESC;
-- asleep
SELECT TOP (@p1) h.route, h.ordering_key FROM gateway.held AS h WHERE h.state = 'waiting' AND h.next_at IS NULL AND NOT EXISTS (SELECT 1 FROM gateway.held AS o WHERE o.state = 'waiting' AND o.route = h.route AND o.ordering_key = h.ordering_key AND o.id < h.id) ;
-- attached
SELECT DISTINCT sha256 FROM gateway.attachment WHERE sha256 IN (SELECT CONVERT(binary(32), j.hash, 2) FROM OPENJSON(@p1) WITH (hash char(64) '$') AS j);
-- attachments
SELECT part, content_id, media_type, size, sha256 FROM gateway.attachment WHERE message_id = @p1 ORDER BY part;
-- auditActs
SELECT COUNT(*) FROM gateway.audit WHERE target = @p1 AND what = @p2;
-- auditCount
SELECT COUNT(*) FROM gateway.message WHERE id >= @p1 AND id < @p2;
-- auditEntries
SELECT TOP (@p3) chain, seq, at, kind, done_by, what, target, reason, content, previous, hash FROM gateway.audit
			WHERE chain = @p1 AND seq > @p2 ORDER BY seq ;
-- auditHeld
SELECT id, route, endpoint, mapping, principal, sender, "identity", contract, body, received_at FROM gateway.held WHERE id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- auditPayloads
SELECT message_id, packing, body FROM gateway.payload WHERE message_id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- auditRepeat
SELECT TOP (1) at FROM gateway.attempt WHERE message_id = @p1 AND what = 'attempted' AND reason LIKE @p2 ORDER BY id ;
-- auditStored
SELECT id, route, endpoint, mapping, principal, sender, "identity", contract, body, received_at, outcome, replay_of FROM gateway.message WHERE id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- beginSighting
INSERT INTO gateway.sighting (subject, version)
			SELECT @p1, @p2 WHERE NOT EXISTS (SELECT 1 FROM gateway.sighting WITH (UPDLOCK, SERIALIZABLE) WHERE subject = @p1);
-- chainHead
SELECT seq, head FROM gateway.chain WHERE chain = @p1;
-- chainHeads
SELECT chain, seq, head FROM gateway.chain ORDER BY chain;
-- chainSeqs
SELECT chain, seq FROM gateway.chain ORDER BY chain;
-- changes
SELECT seq, subject, row_key FROM gateway.change WHERE chain = @p1 AND seq > @p2 AND seq <= @p3 ORDER BY seq, n;
-- confirm
DELETE FROM gateway.outbox WHERE channel = @p1 AND shard = @p2 AND seq IN (SELECT CONVERT(bigint, value) FROM OPENJSON(@p3));
-- confirmRun
DELETE FROM gateway.outbox WHERE channel = @p1 AND shard = @p2 AND seq BETWEEN @p3 AND @p4;
-- countItems
UPDATE gateway.job SET total = (SELECT COUNT(*) FROM gateway.job_item WHERE job_id = @p1) WHERE id = @p1;
-- countOutbox
SELECT channel, COUNT(*) FROM gateway.outbox GROUP BY channel;
-- countParked
SELECT route, COUNT(*) FROM gateway.held WHERE state = 'parked' GROUP BY route;
-- countStuck
SELECT channel, COUNT(*) FROM gateway.parked GROUP BY channel;
-- countWaiting
SELECT route, COUNT(*) FROM gateway.held WHERE state = 'waiting' GROUP BY route;
-- deliveries
SELECT d.channel, d.shard, d.seq, d.wire_id, d.routing_key, p.reason, g.discarded_by,
			(SELECT TOP (1) CASE WHEN r.last_seq >= d.seq THEN r.confirmed_at END FROM gateway.relayed AS r
				WHERE r.channel = d.channel AND r.shard = d.shard AND r.first_seq <= d.seq ORDER BY r.first_seq DESC ),
			a.attempts, a.first_at, a.at, a.took, a.status, a.content_type, a.code, a.reason, a.cut, a.packing, a.body
			FROM gateway.delivery AS d LEFT JOIN gateway.parked AS p ON p.channel = d.channel AND p.shard = d.shard AND p.seq = d.seq
			LEFT JOIN gateway.discarded AS g ON g.channel = d.channel AND g.shard = d.shard AND g.seq = d.seq
			LEFT JOIN gateway.response AS a ON a.message_id = d.message_id AND a.channel = d.channel AND a.shard = d.shard AND a.seq = d.seq
			WHERE d.message_id = @p1 ORDER BY d.ordinal;
-- discardMessage
UPDATE gateway.held SET state = 'discarded', next_at = NULL, until_at = NULL, closed_by = @p2
			WHERE id = @p1 AND state IN ('waiting', 'parked');
-- discardOne
INSERT INTO gateway.discarded (channel, shard, seq, discarded_at, discarded_by) VALUES (@p1, @p2, @p3, @p4, @p5);
-- drawQuota
UPDATE gateway.quota SET drawn = drawn + @p4 WHERE scope = @p1 AND unit = @p2 AND day = @p3;
-- due
SELECT TOP (@p2) h.id, h.received_at, h.route, h.endpoint, h.mapping, h.contract, h.principal, h.login, h.sender, h."identity", h.body, h.content_type,
	h.ordering_key, h.traceparent, h.correlation, h.origin, h.properties, h.state, h.code, h.reason, h.attempts, h.next_at, h.until_at, h.closed_by, p.packing, p.body
	FROM gateway.held AS h LEFT JOIN gateway.payload AS p ON p.message_id = h.id WHERE h.state = 'waiting' AND h.next_at <= @p1 AND h.route NOT IN (SELECT j.name COLLATE Latin1_General_BIN2 FROM OPENJSON(@p3) WITH (name nvarchar(400) '$') AS j) AND NOT EXISTS (SELECT 1 FROM gateway.held AS o WHERE o.state = 'waiting' AND o.route = h.route AND o.ordering_key = h.ordering_key AND o.id < h.id)
			ORDER BY h.next_at, h.id ;
-- endedJob
SELECT TOP (1) id FROM gateway.job WHERE state IN ('done', 'cancelled') AND changed_at < @p1 ORDER BY state, id ;
-- entriesOf
SELECT TOP (@p3) seq, at FROM gateway.audit WHERE chain = @p1 AND seq > @p2 ORDER BY seq ;
-- eraseDeliveries
UPDATE gateway.delivery SET routing_key = '' WHERE message_id = @p1;
-- eraseHeld
UPDATE gateway.held SET "identity" = '', ordering_key = '', correlation = '', properties = '{}', reason = '', login = '' WHERE id = @p1;
-- eraseHistory
UPDATE gateway.attempt SET reason = '' WHERE message_id = @p1;
-- eraseMessage
UPDATE gateway.message SET "identity" = '', ordering_key = '', correlation = '' WHERE id = @p1;
-- eraseReasons
UPDATE gateway.audit SET reason = '' WHERE target = @p1;
-- eraseRefusals
UPDATE gateway.refusal SET reason = @p2 WHERE id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- exists
SELECT COUNT(*) FROM gateway.message WHERE id = @p1;
-- forgetChanges
UPDATE gateway.change_removed SET seq = @p2 WHERE chain = @p1 AND seq < @p2;
-- forgetFirst
INSERT INTO gateway.change_removed (chain, seq)
			SELECT @p1, @p2 WHERE NOT EXISTS (SELECT 1 FROM gateway.change_removed WITH (UPDLOCK, SERIALIZABLE) WHERE chain = @p1);
-- goOn
UPDATE gateway.sighting SET version = @p2 WHERE subject = @p1 AND version = @p3;
-- held
SELECT h.id, h.received_at, h.route, h.endpoint, h.mapping, h.contract, h.principal, h.login, h.sender, h."identity", h.body, h.content_type,
	h.ordering_key, h.traceparent, h.correlation, h.origin, h.properties, h.state, h.code, h.reason, h.attempts, h.next_at, h.until_at, h.closed_by, p.packing, p.body
	FROM gateway.held AS h LEFT JOIN gateway.payload AS p ON p.message_id = h.id WHERE h.id = @p1;
-- heldRecord
SELECT id, received_at, route, principal, sender, "identity", state, code, reason, endpoint, mapping, contract, traceparent, correlation, content_type FROM gateway.held WHERE id = @p1;
-- heldState
SELECT state, route, ordering_key FROM gateway.held WHERE id = @p1;
-- history
SELECT at, what, done_by, code, reason FROM gateway.attempt WHERE message_id = @p1 ORDER BY id;
-- holdLease
UPDATE gateway.lease SET fence = fence WHERE channel = @p1 AND shard = @p2 AND owner = @p3 AND fence = @p4;
-- holdQuota
UPDATE gateway.quota SET drawn = drawn WHERE scope = @p1 AND unit = @p2 AND day = @p3;
-- job
SELECT id, act, selection, reason, done_by, login, created_at, changed_at, rate, state, note, total, succeeded, refused, gone, streak, streak_cause, position FROM gateway.job WHERE id = @p1;
-- jobItems
SELECT TOP (@p2) i.message_id FROM gateway.job_item AS i WHERE i.job_id = @p1 AND i.state = 'open'
			AND i.message_id >= (SELECT j.position FROM gateway.job AS j WHERE j.id = @p1) ORDER BY i.message_id ;
-- jobs
SELECT TOP (@p1) id, act, selection, reason, done_by, login, created_at, changed_at, rate, state, note, total, succeeded, refused, gone, streak, streak_cause, position FROM gateway.job ORDER BY id DESC ;
-- jobsOf
SELECT TOP (@p2) id, act, selection, reason, done_by, login, created_at, changed_at, rate, state, note, total, succeeded, refused, gone, streak, streak_cause, position FROM gateway.job WHERE state = @p1 ORDER BY id DESC ;
-- keptFrom
SELECT chain, seq FROM gateway.change_removed;
-- keptSince
SELECT TOP (1) seq FROM gateway.audit WHERE chain = @p1 ORDER BY seq ;
-- keys
SELECT name, value FROM gateway.message_key WHERE message_id = @p1 ORDER BY name, value;
-- lastAudit
SELECT TOP (1) seq FROM gateway.audit WHERE chain = @p1 ORDER BY seq DESC ;
-- lastRelayed
SELECT s.channel, s.shard, (SELECT TOP (1) r.first_seq FROM gateway.relayed AS r WHERE r.channel = s.channel AND r.shard = s.shard
			ORDER BY r.first_seq DESC ) FROM gateway.shard AS s WHERE EXISTS (SELECT 1 FROM gateway.relayed AS r WHERE r.channel = s.channel AND r.shard = s.shard);
-- list all
SELECT TOP (@p1) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message ORDER BY id DESC ;
-- list before
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE id < @p1 ORDER BY id DESC ;
-- list held: all
SELECT TOP (@p1) id, received_at, route, principal, sender, "identity", state, code, reason FROM gateway.held ORDER BY id DESC ;
-- list held: before
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", state, code, reason FROM gateway.held WHERE id < @p1 ORDER BY id DESC ;
-- list held: identity
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", state, code, reason FROM gateway.held WHERE "identity" = @p1 ORDER BY id DESC ;
-- list held: key
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", state, code, reason FROM gateway.message_key AS k INNER JOIN gateway.held AS m ON m.id = k.message_id WHERE k.value = @p1 AND NOT EXISTS (SELECT 1 FROM gateway.message_key AS o
			WHERE o.value = k.value AND o.message_id = k.message_id AND o.name < k.name) ORDER BY k.message_id DESC ;
-- list held: page of a key
SELECT TOP (@p3) id, received_at, route, principal, sender, "identity", state, code, reason FROM gateway.message_key AS k INNER JOIN gateway.held AS m ON m.id = k.message_id WHERE k.value = @p1 AND NOT EXISTS (SELECT 1 FROM gateway.message_key AS o
			WHERE o.value = k.value AND o.message_id = k.message_id AND o.name < k.name) AND k.message_id < @p2 ORDER BY k.message_id DESC ;
-- list held: route
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", state, code, reason FROM gateway.held WHERE route = @p1 ORDER BY id DESC ;
-- list held: sender
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", state, code, reason FROM gateway.held WHERE sender = @p1 ORDER BY id DESC ;
-- list held: span
SELECT TOP (@p5) id, received_at, route, principal, sender, "identity", state, code, reason FROM gateway.held WHERE received_at >= @p1 AND id >= @p2 AND received_at < @p3 AND id < @p4 ORDER BY id DESC ;
-- list held: span of a route
SELECT TOP (@p6) id, received_at, route, principal, sender, "identity", state, code, reason FROM gateway.held WHERE received_at >= @p1 AND id >= @p2 AND received_at < @p3 AND id < @p4 AND route = @p5 ORDER BY id DESC ;
-- list held: superseded
SELECT TOP (@p1) id, received_at, route, principal, sender, "identity", state, code, reason FROM gateway.held WHERE state = 'parked' ORDER BY id DESC ;
-- list identity
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE "identity" = @p1 ORDER BY id DESC ;
-- list key
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message_key AS k INNER JOIN gateway.message AS m ON m.id = k.message_id WHERE k.value = @p1 AND NOT EXISTS (SELECT 1 FROM gateway.message_key AS o
			WHERE o.value = k.value AND o.message_id = k.message_id AND o.name < k.name) ORDER BY k.message_id DESC ;
-- list page of a key
SELECT TOP (@p3) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message_key AS k INNER JOIN gateway.message AS m ON m.id = k.message_id WHERE k.value = @p1 AND NOT EXISTS (SELECT 1 FROM gateway.message_key AS o
			WHERE o.value = k.value AND o.message_id = k.message_id AND o.name < k.name) AND k.message_id < @p2 ORDER BY k.message_id DESC ;
-- list refusals: all
SELECT TOP (@p1) id, at, route, principal, code, reason, endpoint FROM gateway.refusal ORDER BY id DESC ;
-- list refusals: before
SELECT TOP (@p2) id, at, route, principal, code, reason, endpoint FROM gateway.refusal WHERE id < @p1 ORDER BY id DESC ;
-- list refusals: route
SELECT TOP (@p2) id, at, route, principal, code, reason, endpoint FROM gateway.refusal WHERE route = @p1 ORDER BY id DESC ;
-- list refusals: span
SELECT TOP (@p5) id, at, route, principal, code, reason, endpoint FROM gateway.refusal WHERE at >= @p1 AND id >= @p2 AND at < @p3 AND id < @p4 ORDER BY id DESC ;
-- list refusals: span of a route
SELECT TOP (@p6) id, at, route, principal, code, reason, endpoint FROM gateway.refusal WHERE at >= @p1 AND id >= @p2 AND at < @p3 AND id < @p4 AND route = @p5 ORDER BY id DESC ;
-- list route
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE route = @p1 ORDER BY id DESC ;
-- list sender
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE sender = @p1 ORDER BY id DESC ;
-- list span
SELECT TOP (@p5) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE received_at >= @p1 AND id >= @p2 AND received_at < @p3 AND id < @p4 ORDER BY id DESC ;
-- list span of a route
SELECT TOP (@p6) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE received_at >= @p1 AND id >= @p2 AND received_at < @p3 AND id < @p4 AND route = @p5 ORDER BY id DESC ;
-- list superseded
SELECT TOP (@p2) id, received_at, route, principal, sender, "identity", outcome FROM gateway.message WHERE outcome = @p1 AND outcome <> 'stored' ORDER BY id DESC ;
-- lockChain
UPDATE gateway.chain SET seq = seq + 1 WHERE chain = @p1;
-- lockHeld
UPDATE gateway.held SET attempts = attempts WHERE id = @p1;
-- lockLease
UPDATE gateway.lease SET fence = fence WHERE channel = @p1 AND shard = @p2;
-- lot delivery groups: all
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p WHERE channel = @p1 GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery groups: any channel
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery groups: cause
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND code IN (@p2) AND cause = @p3 AND m.route = @p4 GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery groups: code
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p WHERE channel = @p1 AND code IN (@p2) GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery groups: codes
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p WHERE channel = @p1 AND code IN (@p2, @p3) GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery groups: identity
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND m."identity" = @p2 GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery groups: key
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND EXISTS (SELECT 1 FROM gateway.message_key AS k WHERE k.value = @p2 AND k.message_id = p.message_id) GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery groups: no routes
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND 1 = 0 GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery groups: route
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND m.route = @p2 GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery groups: routes
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND m.route IN (@p2, @p3) GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery groups: sender
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND m.sender = @p2 GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery groups: span
SELECT g.channel, g.code, g.cause, g.heads, g.n - g.heads, g.oldest, g.newest, (SELECT TOP (1) e.message_id FROM gateway.parked AS e WHERE e.channel = g.channel AND e.code = g.code AND e.cause = g.cause AND e.behind IS NULL
		ORDER BY e.parked_at ) FROM (
		SELECT TOP (200) channel, code, cause, SUM(CASE WHEN behind IS NULL THEN 1 ELSE 0 END) AS heads, COUNT(*) AS n, MIN(parked_at) AS oldest, MAX(parked_at) AS newest
		FROM gateway.parked AS p WHERE channel = @p1 AND parked_at >= @p2 AND parked_at < @p3 GROUP BY channel, code, cause ORDER BY COUNT(*) DESC, channel, code, cause ) AS g;
-- lot delivery items: all
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p2, p.message_id, 'open', '' FROM gateway.parked AS p WHERE channel = @p1 AND behind IS NULL;
-- lot delivery items: cause
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p5, p.message_id, 'open', '' FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND code IN (@p2) AND cause = @p3 AND m.route = @p4 AND behind IS NULL;
-- lot delivery items: code
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p3, p.message_id, 'open', '' FROM gateway.parked AS p WHERE channel = @p1 AND code IN (@p2) AND behind IS NULL;
-- lot delivery items: codes
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p4, p.message_id, 'open', '' FROM gateway.parked AS p WHERE channel = @p1 AND code IN (@p2, @p3) AND behind IS NULL;
-- lot delivery items: identity
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p3, p.message_id, 'open', '' FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND m."identity" = @p2 AND behind IS NULL;
-- lot delivery items: key
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p3, p.message_id, 'open', '' FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND EXISTS (SELECT 1 FROM gateway.message_key AS k WHERE k.value = @p2 AND k.message_id = p.message_id) AND behind IS NULL;
-- lot delivery items: no routes
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p2, p.message_id, 'open', '' FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND 1 = 0 AND behind IS NULL;
-- lot delivery items: route
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p3, p.message_id, 'open', '' FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND m.route = @p2 AND behind IS NULL;
-- lot delivery items: routes
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p4, p.message_id, 'open', '' FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND m.route IN (@p2, @p3) AND behind IS NULL;
-- lot delivery items: sender
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p3, p.message_id, 'open', '' FROM gateway.parked AS p INNER JOIN gateway.message AS m ON m.id = p.message_id WHERE channel = @p1 AND m.sender = @p2 AND behind IS NULL;
-- lot delivery items: span
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p4, p.message_id, 'open', '' FROM gateway.parked AS p WHERE channel = @p1 AND parked_at >= @p2 AND parked_at < @p3 AND behind IS NULL;
-- lot groups: all
SELECT g.route, g.code, g.cause, g.n, (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id ), (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id DESC ) FROM (SELECT TOP (200) route, code, cause, COUNT(*) AS n FROM gateway.held WHERE state = 'parked' GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause ) AS g;
-- lot groups: cause
SELECT g.route, g.code, g.cause, g.n, (SELECT TOP (1) id FROM gateway.held WHERE route = @p1 AND state = 'parked' AND code IN (@p2) AND cause = @p3 AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id ), (SELECT TOP (1) id FROM gateway.held WHERE route = @p1 AND state = 'parked' AND code IN (@p2) AND cause = @p3 AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id DESC ) FROM (SELECT TOP (200) route, code, cause, COUNT(*) AS n FROM gateway.held WHERE route = @p1 AND state = 'parked' AND code IN (@p2) AND cause = @p3 GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause ) AS g;
-- lot groups: code
SELECT g.route, g.code, g.cause, g.n, (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND code IN (@p1) AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id ), (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND code IN (@p1) AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id DESC ) FROM (SELECT TOP (200) route, code, cause, COUNT(*) AS n FROM gateway.held WHERE state = 'parked' AND code IN (@p1) GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause ) AS g;
-- lot groups: codes
SELECT g.route, g.code, g.cause, g.n, (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND code IN (@p1, @p2) AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id ), (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND code IN (@p1, @p2) AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id DESC ) FROM (SELECT TOP (200) route, code, cause, COUNT(*) AS n FROM gateway.held WHERE state = 'parked' AND code IN (@p1, @p2) GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause ) AS g;
-- lot groups: identity
SELECT g.route, g.code, g.cause, g.n, (SELECT TOP (1) id FROM gateway.held WHERE "identity" = @p1 AND state = 'parked' AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id ), (SELECT TOP (1) id FROM gateway.held WHERE "identity" = @p1 AND state = 'parked' AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id DESC ) FROM (SELECT TOP (200) route, code, cause, COUNT(*) AS n FROM gateway.held WHERE "identity" = @p1 AND state = 'parked' GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause ) AS g;
-- lot groups: key
SELECT g.route, g.code, g.cause, g.n, (SELECT TOP (1) k.message_id FROM gateway.message_key AS k INNER JOIN gateway.held AS m ON m.id = k.message_id WHERE k.value = @p1 AND NOT EXISTS (SELECT 1 FROM gateway.message_key AS o
			WHERE o.value = k.value AND o.message_id = k.message_id AND o.name < k.name) AND state = 'parked' AND route = g.route AND code = g.code AND cause = g.cause ORDER BY k.message_id ), (SELECT TOP (1) k.message_id FROM gateway.message_key AS k INNER JOIN gateway.held AS m ON m.id = k.message_id WHERE k.value = @p1 AND NOT EXISTS (SELECT 1 FROM gateway.message_key AS o
			WHERE o.value = k.value AND o.message_id = k.message_id AND o.name < k.name) AND state = 'parked' AND route = g.route AND code = g.code AND cause = g.cause ORDER BY k.message_id DESC ) FROM (SELECT TOP (200) route, code, cause, COUNT(*) AS n FROM gateway.message_key AS k INNER JOIN gateway.held AS m ON m.id = k.message_id WHERE k.value = @p1 AND NOT EXISTS (SELECT 1 FROM gateway.message_key AS o
			WHERE o.value = k.value AND o.message_id = k.message_id AND o.name < k.name) AND state = 'parked' GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause ) AS g;
-- lot groups: no routes
SELECT g.route, g.code, g.cause, g.n, (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND 1 = 0 AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id ), (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND 1 = 0 AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id DESC ) FROM (SELECT TOP (200) route, code, cause, COUNT(*) AS n FROM gateway.held WHERE state = 'parked' AND 1 = 0 GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause ) AS g;
-- lot groups: route
SELECT g.route, g.code, g.cause, g.n, (SELECT TOP (1) id FROM gateway.held WHERE route = @p1 AND state = 'parked' AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id ), (SELECT TOP (1) id FROM gateway.held WHERE route = @p1 AND state = 'parked' AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id DESC ) FROM (SELECT TOP (200) route, code, cause, COUNT(*) AS n FROM gateway.held WHERE route = @p1 AND state = 'parked' GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause ) AS g;
-- lot groups: routes
SELECT g.route, g.code, g.cause, g.n, (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND route IN (@p1, @p2) AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id ), (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND route IN (@p1, @p2) AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id DESC ) FROM (SELECT TOP (200) route, code, cause, COUNT(*) AS n FROM gateway.held WHERE state = 'parked' AND route IN (@p1, @p2) GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause ) AS g;
-- lot groups: sender
SELECT g.route, g.code, g.cause, g.n, (SELECT TOP (1) id FROM gateway.held WHERE sender = @p1 AND state = 'parked' AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id ), (SELECT TOP (1) id FROM gateway.held WHERE sender = @p1 AND state = 'parked' AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id DESC ) FROM (SELECT TOP (200) route, code, cause, COUNT(*) AS n FROM gateway.held WHERE sender = @p1 AND state = 'parked' GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause ) AS g;
-- lot groups: span
SELECT g.route, g.code, g.cause, g.n, (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND id >= @p1 AND id < @p2 AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id ), (SELECT TOP (1) id FROM gateway.held WHERE state = 'parked' AND id >= @p1 AND id < @p2 AND route = g.route AND code = g.code AND cause = g.cause ORDER BY id DESC ) FROM (SELECT TOP (200) route, code, cause, COUNT(*) AS n FROM gateway.held WHERE state = 'parked' AND id >= @p1 AND id < @p2 GROUP BY route, code, cause ORDER BY COUNT(*) DESC, route, code, cause ) AS g;
-- lot items: all
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p1, id, 'open', '' FROM gateway.held WHERE state = 'parked';
-- lot items: cause
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p4, id, 'open', '' FROM gateway.held WHERE route = @p1 AND state = 'parked' AND code IN (@p2) AND cause = @p3;
-- lot items: code
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p2, id, 'open', '' FROM gateway.held WHERE state = 'parked' AND code IN (@p1);
-- lot items: codes
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p3, id, 'open', '' FROM gateway.held WHERE state = 'parked' AND code IN (@p1, @p2);
-- lot items: identity
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p2, id, 'open', '' FROM gateway.held WHERE "identity" = @p1 AND state = 'parked';
-- lot items: key
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p2, k.message_id, 'open', '' FROM gateway.message_key AS k INNER JOIN gateway.held AS m ON m.id = k.message_id WHERE k.value = @p1 AND NOT EXISTS (SELECT 1 FROM gateway.message_key AS o
			WHERE o.value = k.value AND o.message_id = k.message_id AND o.name < k.name) AND state = 'parked';
-- lot items: no routes
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p1, id, 'open', '' FROM gateway.held WHERE state = 'parked' AND 1 = 0;
-- lot items: route
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p2, id, 'open', '' FROM gateway.held WHERE route = @p1 AND state = 'parked';
-- lot items: routes
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p3, id, 'open', '' FROM gateway.held WHERE state = 'parked' AND route IN (@p1, @p2);
-- lot items: sender
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p2, id, 'open', '' FROM gateway.held WHERE sender = @p1 AND state = 'parked';
-- lot items: span
INSERT INTO gateway.job_item (job_id, message_id, state, code) SELECT DISTINCT @p3, id, 'open', '' FROM gateway.held WHERE state = 'parked' AND id >= @p1 AND id < @p2;
-- mentions
SELECT TOP (@p2) id, route, reason FROM gateway.refusal WHERE id > @p1 ORDER BY id ;
-- message
SELECT id, received_at, route, principal, sender, "identity", outcome, endpoint, mapping, contract, traceparent, correlation, content_type, replay_of FROM gateway.message WHERE id = @p1;
-- moveHead
UPDATE gateway.chain SET head = @p2 WHERE chain = @p1;
-- nextChain
SELECT TOP (1) chain FROM gateway.audit WHERE chain > @p1 ORDER BY chain ;
-- nextItem
SELECT TOP (1) i.message_id FROM gateway.job_item AS i WHERE i.job_id = @p1 AND i.state = 'open'
			AND i.message_id >= (SELECT j.position FROM gateway.job AS j WHERE j.id = @p1) ORDER BY i.message_id ;
-- nextRoute
SELECT TOP (1) route FROM gateway.message WHERE route > @p1 ORDER BY route ;
-- note
INSERT INTO gateway.attempt (message_id, id, at, what, done_by, code, reason) VALUES (@p1, @p2, @p3, @p4, @p5, @p6, @p7);
-- noteSeen
INSERT INTO gateway.change (chain, seq, n, message_id, subject, row_key)
			SELECT @p1, @p2, j.n, NULL, @p3, j.item FROM (SELECT CONVERT(int, e.[key]) AS n, e.value AS item FROM OPENJSON(@p4) AS e) AS j;
-- notings
SELECT id, subjects FROM gateway.noting;
-- oldQuotas
DELETE FROM gateway.quota WHERE day < @p1;
-- oldestClaim
SELECT TOP (1) message_id FROM gateway.inbox WHERE message_id > @p1 ORDER BY message_id ;
-- oldestMessage
SELECT TOP (1) id FROM gateway.message WHERE id > @p1 ORDER BY id ;
-- oldestPayload
SELECT TOP (1) message_id FROM gateway.payload WHERE message_id > @p1 ORDER BY message_id ;
-- oldestRefusal
SELECT TOP (1) id FROM gateway.refusal WHERE id > @p1 ORDER BY id ;
-- openChain
INSERT INTO gateway.chain (chain, seq, head) SELECT @p1, 0, @p2
			WHERE NOT EXISTS (SELECT 1 FROM gateway.chain WITH (UPDLOCK, SERIALIZABLE) WHERE chain = @p1);
-- openLease
INSERT INTO gateway.lease (channel, shard, owner, until, fence)
			SELECT @p1, @p2, @p3, DATEADD(millisecond, @p5, SYSUTCDATETIME()), 1
			WHERE NOT EXISTS (SELECT 1 FROM gateway.lease WITH (UPDLOCK, SERIALIZABLE) WHERE channel = @p1 AND shard = @p2);
-- openQuota
INSERT INTO gateway.quota (scope, unit, day, drawn)
			SELECT @p1, @p2, @p3, 0 WHERE NOT EXISTS (SELECT 1 FROM gateway.quota WITH (UPDLOCK, SERIALIZABLE) WHERE scope = @p1 AND unit = @p2 AND day = @p3);
-- openShard
INSERT INTO gateway.shard (channel, shard, next_seq)
			SELECT @p1, @p2, 1 WHERE NOT EXISTS (SELECT 1 FROM gateway.shard WITH (UPDLOCK, SERIALIZABLE) WHERE channel = @p1 AND shard = @p2);
-- ownVersions
SELECT version, row_hash FROM gateway.own_version WHERE subject = @p1 AND version > @p2 AND version <= @p3;
-- parkBehind
INSERT INTO gateway.parked (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body, behind, code, reason, attempts, parked_at, cause)
			SELECT channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body, @p3, @p4, @p5, 0, @p6, @p8 FROM gateway.outbox
			WHERE channel = @p1 AND shard = @p2 AND seq IN (SELECT TOP (@p9) k.seq FROM gateway.outbox AS k
				WHERE k.channel = @p1 AND k.shard = @p2 AND k.ordering_key = @p7 AND k.seq > @p3 ORDER BY k.seq );
-- parkMessage
UPDATE gateway.held SET state = 'parked', next_at = NULL, until_at = NULL, reason = CASE WHEN code = '' THEN @p2 ELSE reason END,
			cause = CASE WHEN code = '' THEN @p3 ELSE cause END
			WHERE id = @p1 AND state = 'waiting';
-- parkOne
INSERT INTO gateway.parked (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body, behind, code, reason, attempts, parked_at, cause)
			SELECT channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body, NULL, @p4, @p5, @p6, @p7, @p8 FROM gateway.outbox WHERE channel = @p1 AND shard = @p2 AND seq = @p3;
-- parkedAmong
SELECT seq, ordering_key FROM gateway.parked WHERE channel = @p1 AND shard = @p2 AND seq IN (SELECT CONVERT(bigint, value) FROM OPENJSON(@p3));
-- parkedOf
SELECT p.seq, p.ordering_key, coalesce(p.behind, 0), b.message_id FROM gateway.delivery AS d
			INNER JOIN gateway.parked AS p ON p.channel = d.channel AND p.shard = d.shard AND p.seq = d.seq
			LEFT JOIN gateway.parked AS b ON b.channel = p.channel AND b.shard = p.shard AND b.seq = p.behind
			WHERE d.message_id = @p1 AND d.channel = @p2 AND d.shard = @p3 ORDER BY d.ordinal;
-- passVersions
DELETE FROM gateway.own_version WITH (ROWLOCK) WHERE subject = @p1 AND version <= @p2;
-- payload
SELECT packing, body, beside FROM gateway.payload WHERE message_id = @p1;
-- pending
SELECT TOP (@p4) channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body,
			(SELECT s.releases FROM gateway.shard AS s WHERE s.channel = @p1 AND s.shard = @p2),
			CASE WHEN EXISTS (SELECT 1 FROM gateway.parked AS p WHERE p.channel = @p1 AND p.shard = @p2 AND p.holds = 1) THEN 1 ELSE 0 END FROM gateway.outbox AS o
			WHERE o.channel = @p1 AND o.shard = @p2 AND o.seq > @p3
			AND NOT EXISTS (SELECT 1 FROM gateway.parked AS p WHERE p.channel = o.channel AND p.shard = o.shard AND p.ordering_key = o.ordering_key AND p.seq < o.seq AND p.holds = 1)
			ORDER BY o.seq ;
-- ping
SELECT COUNT(*) FROM gateway.lease WHERE fence < 0;
-- postDelivery
INSERT INTO gateway.delivery (message_id, ordinal, channel, shard, seq, wire_id, routing_key)
			SELECT @p1, coalesce(MAX(d.ordinal), -1) + 1, @p2, @p3, @p4, @p5, @p6 FROM gateway.delivery AS d WHERE d.message_id = @p1;
-- postOutbox
INSERT INTO gateway.outbox (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body)
			VALUES (@p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9, @p10, @p11, @p12, CONVERT(varbinary(max), @p13, 2));
-- postSeq
SELECT next_seq FROM gateway.shard WHERE channel = @p1 AND shard = @p2;
-- postShard
UPDATE gateway.shard SET next_seq = next_seq + @p3 WHERE channel = @p1 AND shard = @p2;
-- postWaiting
SELECT COUNT(*) FROM gateway.delivery AS d INNER JOIN gateway.outbox AS o ON o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq
			WHERE d.message_id = @p1 AND d.channel = @p2 AND d.wire_id = @p3;
-- purgeSuspects
DELETE FROM gateway.suspect WITH (ROWLOCK) WHERE origin IN (SELECT TOP (@p2) s.origin FROM gateway.suspect AS s WHERE s.at < @p1 ORDER BY s.at );
-- quota
SELECT drawn FROM gateway.quota WHERE scope = @p1 AND unit = @p2 AND day = @p3;
-- readLease
SELECT fence FROM gateway.lease WHERE channel = @p1 AND shard = @p2 AND owner = @p3;
-- readParked
SELECT ordering_key FROM gateway.outbox WHERE channel = @p1 AND shard = @p2 AND seq = @p3;
-- record
INSERT INTO gateway.migration (name, version, checksum, applied_at) VALUES (@p1, @p2, @p3, @p4);
-- recount
UPDATE gateway.refusal SET times = @p2 WHERE id = @p1 AND times < @p2;
-- refusal
SELECT id, at, route, principal, code, reason, endpoint FROM gateway.refusal WHERE id = @p1;
-- refuse
INSERT INTO gateway.refusal (id, at, endpoint, route, principal, code, reason, remote, times)
			SELECT @p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9
			WHERE NOT EXISTS (SELECT 1 FROM gateway.refusal WITH (UPDLOCK, SERIALIZABLE) WHERE id = @p1);
-- relayed
INSERT INTO gateway.relayed (channel, shard, first_seq, last_seq, confirmed_at, fence)
			SELECT @p1, @p2, @p3, @p4, @p5, @p6
			WHERE NOT EXISTS (SELECT 1 FROM gateway.relayed WITH (UPDLOCK, SERIALIZABLE) WHERE channel = @p1 AND shard = @p2 AND first_seq = @p3);
-- released
UPDATE gateway.shard SET releases = releases + @p3 WHERE channel = @p1 AND shard = @p2;
-- removeAttachments
DELETE FROM gateway.attachment WITH (ROWLOCK) WHERE message_id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- removeAttempts
DELETE FROM gateway.attempt WITH (ROWLOCK) WHERE message_id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- removeAudit
DELETE FROM gateway.audit WHERE chain = @p1 AND seq <= @p2;
-- removeChanges
DELETE FROM gateway.change WITH (ROWLOCK) WHERE chain = @p1 AND seq <= @p2;
-- removeDeliveries
DELETE FROM gateway.delivery WITH (ROWLOCK) WHERE message_id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- removeDiscard
DELETE FROM gateway.discarded WHERE channel = @p1 AND shard = @p2 AND seq = @p3;
-- removeHeld
DELETE FROM gateway.held WITH (ROWLOCK) WHERE id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- removeInbox
DELETE FROM gateway.inbox WITH (ROWLOCK) WHERE message_id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- removeItems
DELETE FROM gateway.job_item WITH (ROWLOCK) WHERE job_id = @p1
			AND message_id IN (SELECT TOP (@p2) i.message_id FROM gateway.job_item AS i WHERE i.job_id = @p1 ORDER BY i.message_id );
-- removeJob
DELETE FROM gateway.job WHERE id = @p1;
-- removeKeys
DELETE FROM gateway.message_key WITH (ROWLOCK) WHERE message_id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- removeMessages
DELETE FROM gateway.message WITH (ROWLOCK) WHERE id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- removePayload
DELETE FROM gateway.payload WITH (ROWLOCK) WHERE message_id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- removeRefusals
DELETE FROM gateway.refusal WITH (ROWLOCK) WHERE id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- removeRelayed
DELETE FROM gateway.relayed WITH (ROWLOCK) WHERE channel = @p1 AND shard = @p2 AND first_seq IN (SELECT CONVERT(bigint, value) FROM OPENJSON(@p3));
-- removeReply
DELETE FROM gateway.reply WITH (ROWLOCK) WHERE message_id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- removeResponses
DELETE FROM gateway.response WITH (ROWLOCK) WHERE message_id IN (SELECT CONVERT(binary(16), j.id, 2) FROM OPENJSON(@p1) WITH (id char(32) '$') AS j);
-- removeSealingKeys
DELETE FROM gateway.sealing_key WHERE created_at < @p1 AND id < (SELECT MAX(k.id) FROM gateway.sealing_key AS k);
-- removeSomeAttempts
DELETE FROM gateway.attempt WITH (ROWLOCK) WHERE message_id = @p1
			AND id IN (SELECT TOP (@p2) a.id FROM gateway.attempt AS a WHERE a.message_id = @p1 ORDER BY a.id );
-- removeTurns
DELETE FROM gateway.noted WHERE chain = @p1 AND seq < (SELECT MAX(o.seq) FROM gateway.noted AS o WHERE o.chain = @p1 AND o.seq <= @p2);
-- reopen
UPDATE gateway.job_item SET state = 'open', code = '' WHERE job_id = @p1 AND state = 'refused';
-- reply
SELECT body FROM gateway.reply WHERE message_id = @p1;
-- requeueBehind
INSERT INTO gateway.outbox (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body)
			SELECT channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body FROM gateway.parked WHERE channel = @p1 AND shard = @p2 AND behind = @p3
	AND seq IN (SELECT k.seq FROM gateway.parked AS k WHERE k.channel = @p1 AND k.shard = @p2 AND k.ordering_key = @p4);
-- requeueOne
INSERT INTO gateway.outbox (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body)
			SELECT channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body FROM gateway.parked WHERE channel = @p1 AND shard = @p2 AND seq = @p3;
-- respondAgain
UPDATE gateway.response SET attempts = attempts + 1, at = @p5, took = @p6, status = @p7, content_type = @p8, code = @p9, reason = @p10,
			cut = @p11, packing = @p12, body = CONVERT(varbinary(max), @p13, 2)
			WHERE message_id = @p1 AND channel = @p2 AND shard = @p3 AND seq = @p4;
-- respondFirst
INSERT INTO gateway.response (message_id, channel, shard, seq, attempts, first_at, at, took, status, content_type, code, reason, cut, packing, body)
			SELECT @p1, @p2, @p3, @p4, 1, @p5, @p5, @p6, @p7, @p8, @p9, @p10, @p11, @p12, CONVERT(varbinary(max), @p13, 2)
			WHERE NOT EXISTS (SELECT 1 FROM gateway.response WITH (UPDLOCK, SERIALIZABLE) WHERE message_id = @p1 AND channel = @p2 AND shard = @p3 AND seq = @p4);
-- routeOf
SELECT route FROM gateway.message WHERE id = @p1;
-- sealingKeys
SELECT id, secret, created_at FROM gateway.sealing_key ORDER BY id DESC;
-- settleItem
UPDATE gateway.job_item SET state = @p3, code = @p4 WHERE job_id = @p1 AND message_id = @p2 AND state = 'open';
-- settleJob
UPDATE gateway.job SET succeeded = succeeded + @p2, refused = refused + @p3, gone = gone + @p4, streak = @p5, streak_cause = @p6,
			position = @p7, changed_at = @p9, state = CASE WHEN @p8 = 1 AND state <> 'cancelled' THEN 'done' ELSE state END WHERE id = @p1;
-- sighted
SELECT version FROM gateway.sighting WHERE subject = @p1;
-- skipOne
INSERT INTO gateway.parked (channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body, behind, code, reason, attempts, parked_at, holds)
			SELECT channel, shard, seq, wire_id, message_id, ordering_key, routing_key, type, content_type, correlation, traceparent, created_at, body, NULL, @p4, @p5, @p6, @p7, 0 FROM gateway.outbox WHERE channel = @p1 AND shard = @p2 AND seq = @p3;
-- standing
SELECT next_seq, releases FROM gateway.shard WHERE channel = @p1 AND shard = @p2;
-- standsOf
SELECT DISTINCT channel, shard FROM gateway.delivery WHERE message_id = @p1 ORDER BY channel, shard;
-- startJob
INSERT INTO gateway.job (id, act, selection, reason, done_by, login, created_at, changed_at, rate, state, note, total, succeeded, refused, gone, streak, streak_cause, position)
			VALUES (@p1, @p2, @p3, @p4, @p5, @p6, @p7, @p7, @p8, @p9, '', 0, 0, 0, 0, 0, '', @p10);
-- subject
SELECT TOP (@p4) k.message_id FROM gateway.message_key AS k WHERE k.value = @p1 AND k.message_id > @p2 AND k.name = @p3
			ORDER BY k.message_id ;
-- suspectAgain
UPDATE gateway.suspect SET tries = tries + 1, at = @p2 WHERE origin = @p1;
-- suspectCleared
DELETE FROM gateway.suspect WHERE origin = @p1;
-- suspectFirst
INSERT INTO gateway.suspect (origin, tries, at)
			SELECT @p1, 1, @p2 WHERE NOT EXISTS (SELECT 1 FROM gateway.suspect WITH (UPDLOCK, SERIALIZABLE) WHERE origin = @p1);
-- suspectTries
SELECT tries FROM gateway.suspect WHERE origin = @p1;
-- takeLease
UPDATE gateway.lease SET fence = fence + CASE WHEN owner = @p3 AND until > SYSUTCDATETIME() THEN 0 ELSE 1 END,
			owner = @p3, until = DATEADD(millisecond, @p5, SYSUTCDATETIME())
			WHERE channel = @p1 AND shard = @p2 AND (owner = @p3 OR until <= SYSUTCDATETIME());
-- turnChain
UPDATE gateway.chain SET noting = @p2 WHERE chain = @p1 AND noting <> @p2;
-- turnJob
UPDATE gateway.job SET state = @p2, note = @p3, changed_at = @p4, streak = CASE WHEN @p2 = 'running' THEN 0 ELSE streak END,
			refused = CASE WHEN @p2 = 'running' THEN 0 ELSE refused END, position = CASE WHEN @p2 = 'running' THEN @p5 ELSE position END
			WHERE id = @p1 AND state <> @p2 AND state IN ('running', 'paused');
-- turnsAmong
SELECT n.seq, n.noting FROM gateway.noted AS n WHERE n.chain = @p1 AND n.seq <= @p3
			AND n.seq >= coalesce((SELECT MAX(o.seq) FROM gateway.noted AS o WHERE o.chain = @p1 AND o.seq <= @p2), 0) ORDER BY n.seq;
-- turnsBefore
SELECT TOP (@p3) seq, noting FROM gateway.noted WHERE chain = @p1 AND seq <= @p2 ORDER BY seq DESC ;
-- unparkBehind
DELETE FROM gateway.parked WHERE channel = @p1 AND shard = @p2 AND behind = @p3
	AND seq IN (SELECT k.seq FROM gateway.parked AS k WHERE k.channel = @p1 AND k.shard = @p2 AND k.ordering_key = @p4);
-- unparkOne
DELETE FROM gateway.parked WHERE channel = @p1 AND shard = @p2 AND seq = @p3;
-- unqueue
DELETE FROM gateway.outbox WHERE channel = @p1 AND shard = @p2 AND seq IN (SELECT k.seq FROM gateway.parked AS k
			WHERE k.channel = @p1 AND k.shard = @p2 AND k.ordering_key = @p3 AND k.seq >= @p4);
-- unqueueOne
DELETE FROM gateway.outbox WHERE channel = @p1 AND shard = @p2 AND seq = @p3;
-- unrecord
DELETE FROM gateway.migration WHERE name = @p1 AND version = @p2;
-- unsettled
SELECT COUNT(*) FROM gateway.message AS m WHERE m.id = @p1 AND EXISTS (SELECT 1 FROM gateway.delivery AS d WHERE d.message_id = m.id
		AND (EXISTS (SELECT 1 FROM gateway.outbox AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq) OR EXISTS (SELECT 1 FROM gateway.parked AS o WHERE o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq)));
-- usage
SELECT TOP (@p3) m.principal, COUNT(*), MAX(m.received_at) FROM gateway.message AS m WHERE m.route = @p1 AND m.id >= @p2
			GROUP BY m.principal ORDER BY COUNT(*) DESC, m.principal ;
-- versionTable
SELECT COUNT(*) FROM sys.tables AS t INNER JOIN sys.schemas AS s ON s.schema_id = t.schema_id WHERE s.name = 'gateway' AND t.name = 'migration';
-- waitingOf
SELECT o.seq, o.ordering_key, 0, NULL FROM gateway.delivery AS d
			INNER JOIN gateway.outbox AS o ON o.channel = d.channel AND o.shard = d.shard AND o.seq = d.seq
			WHERE d.message_id = @p1 AND d.channel = @p2 AND d.shard = @p3 ORDER BY d.ordinal;
-- wake
UPDATE gateway.held SET next_at = @p3 WHERE state = 'waiting' AND next_at IS NULL AND id = (SELECT TOP (1) o.id FROM gateway.held AS o
			WHERE o.state = 'waiting' AND o.route = @p1 AND o.ordering_key = @p2 ORDER BY o.id );
-- versionTable 1
IF SCHEMA_ID('gateway') IS NULL EXEC('CREATE SCHEMA gateway');
-- versionTable 2
IF OBJECT_ID('gateway.migration') IS NULL
CREATE TABLE gateway.migration (
  name varchar(32) NOT NULL,
  version bigint NOT NULL,
  checksum char(64) NOT NULL,
  applied_at datetime2(3) NOT NULL,
  CONSTRAINT pk_gateway_migration PRIMARY KEY (name, version)
);
