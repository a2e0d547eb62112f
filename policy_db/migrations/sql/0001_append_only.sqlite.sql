CREATE TRIGGER audit_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is only added to');
END
-- next
CREATE TRIGGER audit_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is only added to');
END
-- next
CREATE TRIGGER call_events_never_changed BEFORE UPDATE ON call_events
BEGIN
    SELECT RAISE(ABORT, 'the timeline of a call is only added to');
END
