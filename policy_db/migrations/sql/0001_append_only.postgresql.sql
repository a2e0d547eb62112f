CREATE FUNCTION policy_db_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only added to', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$
-- next
CREATE TRIGGER audit_never_changed BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION policy_db_append_only()
-- next
CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION policy_db_append_only()
-- next
CREATE TRIGGER call_events_never_changed BEFORE UPDATE ON call_events
FOR EACH ROW EXECUTE FUNCTION policy_db_append_only()
