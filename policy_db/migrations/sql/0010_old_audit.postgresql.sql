DROP TRIGGER audit_never_changed ON audit
-- next
CREATE TRIGGER audit_never_changed BEFORE UPDATE ON audit
FOR EACH ROW EXECUTE FUNCTION policy_db_append_only()
-- next
CREATE TRIGGER audit_never_deleted BEFORE DELETE ON audit
FOR EACH ROW WHEN (OLD.at > now() - interval '366 days') EXECUTE FUNCTION policy_db_append_only()
