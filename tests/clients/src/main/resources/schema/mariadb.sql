create table account (
  id int primary key,
  owner varchar(64) not null,
  balance bigint not null,
  reserved bigint not null
) character set utf8mb4;

-- Seata's own tables of the AT mode and of the TCC fence.
create table undo_log (
  branch_id bigint not null,
  xid varchar(128) not null,
  context varchar(128) not null,
  rollback_info longblob not null,
  log_status int not null,
  log_created datetime(6) not null,
  log_modified datetime(6) not null,
  unique (xid, branch_id)
);

create table tcc_fence_log (
  xid varchar(128) not null,
  branch_id bigint not null,
  action_name varchar(64) not null,
  status tinyint not null,
  gmt_create datetime(3) not null,
  gmt_modified datetime(3) not null,
  primary key (xid, branch_id)
);
