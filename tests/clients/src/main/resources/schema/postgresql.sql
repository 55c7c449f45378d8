create table account (
  id int primary key,
  owner varchar(64) not null,
  balance bigint not null,
  reserved bigint not null
);

-- Seata's own tables of the AT mode and of the TCC fence.
create sequence undo_log_id_seq;
create table undo_log (
  id bigint primary key,
  branch_id bigint not null,
  xid varchar(128) not null,
  context varchar(128) not null,
  rollback_info bytea not null,
  log_status int not null,
  log_created timestamp not null,
  log_modified timestamp not null,
  unique (xid, branch_id)
);

create table tcc_fence_log (
  xid varchar(128) not null,
  branch_id bigint not null,
  action_name varchar(64) not null,
  status smallint not null,
  gmt_create timestamp not null,
  gmt_modified timestamp not null,
  primary key (xid, branch_id)
);
