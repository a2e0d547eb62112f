DROP TRIGGER audit_never_deleted
-- next
CREATE TRIGGER audit_never_deleted BEFORE DELETE ON audit
WHEN old.at > datetime('now', '-366 days')
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is only added to');
END
