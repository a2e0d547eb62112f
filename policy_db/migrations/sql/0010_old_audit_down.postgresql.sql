DROP TRIGGER audit_never_deleted ON audit
-- next
DROP TRIGGER audit_never_changed ON audit
-- next
CREATE TRIGGER audit_never_changed BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION policy_db_append_only()
