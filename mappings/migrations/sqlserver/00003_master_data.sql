-- +goose Up
-- Master data of customers and products, prices, and cancelled orders. Version 0
-- is a row that the master system has not told of yet.
ALTER TABLE crm.customer ADD version int NOT NULL CONSTRAINT df_customer_version DEFAULT (0) CONSTRAINT ck_customer_version CHECK (version >= 0);
ALTER TABLE crm.customer ADD life_cycle nvarchar(12) NOT NULL CONSTRAINT df_customer_life_cycle DEFAULT ('ACTIVE') CONSTRAINT ck_customer_life_cycle CHECK (life_cycle IN ('PROSPECT', 'ACTIVE', 'BLOCKED', 'ARCHIVED'));
ALTER TABLE crm.customer ADD block_reason nvarchar(200) NULL;
ALTER TABLE crm.customer ADD vat_no nvarchar(14) NULL;
ALTER TABLE crm.customer ADD credit_limit decimal(15,4) NULL CONSTRAINT ck_customer_credit_limit CHECK (credit_limit >= 0);
ALTER TABLE crm.customer ADD credit_currency nchar(3) NULL;
ALTER TABLE crm.customer ADD changed_at datetime2(3) NULL;

CREATE TABLE crm.customer_address (
  id bigint IDENTITY(1,1) NOT NULL,
  customer_id bigint NOT NULL,
  kind nvarchar(12) NOT NULL,
  street nvarchar(120) NULL,
  po_box nvarchar(60) NULL,
  postal_code nvarchar(12) NULL,
  city nvarchar(60) NOT NULL,
  country nchar(2) NOT NULL,
  CONSTRAINT pk_customer_address PRIMARY KEY (id),
  CONSTRAINT uq_customer_address UNIQUE (customer_id, kind),
  CONSTRAINT fk_customer_address_customer FOREIGN KEY (customer_id) REFERENCES crm.customer (id),
  CONSTRAINT ck_customer_address_kind CHECK (kind IN ('REGISTERED', 'BILL_TO', 'SHIP_TO')),
  CONSTRAINT ck_customer_address_country CHECK (country LIKE '[A-Z][A-Z]')
);

ALTER TABLE catalog.product ADD version int NOT NULL CONSTRAINT df_product_version DEFAULT (0) CONSTRAINT ck_product_version CHECK (version >= 0);
ALTER TABLE catalog.product ADD net_weight decimal(9,4) NULL CONSTRAINT ck_product_net_weight CHECK (net_weight > 0);
ALTER TABLE catalog.product ADD sales_start date NULL;
ALTER TABLE catalog.product ADD sales_end date NULL;
ALTER TABLE catalog.product ADD changed_at datetime2(3) NULL;

CREATE TABLE catalog.product_price (
  id bigint IDENTITY(1,1) NOT NULL,
  product_id bigint NOT NULL,
  currency nchar(3) NOT NULL,
  valid_from date NOT NULL,
  version int NOT NULL,
  net_price decimal(15,4) NULL,
  CONSTRAINT pk_product_price PRIMARY KEY (id),
  CONSTRAINT uq_product_price UNIQUE (product_id, currency, valid_from),
  CONSTRAINT fk_product_price_product FOREIGN KEY (product_id) REFERENCES catalog.product (id),
  CONSTRAINT ck_product_price_version CHECK (version >= 1),
  CONSTRAINT ck_product_price_net_price CHECK (net_price >= 0)
);

CREATE TABLE sales.order_cancellation (
  id bigint IDENTITY(1,1) NOT NULL,
  order_id bigint NOT NULL,
  revision int NOT NULL,
  reason nvarchar(200) NOT NULL,
  cancelled_at datetime2(3) NOT NULL,
  cancelled_by nvarchar(120) NOT NULL,
  CONSTRAINT pk_order_cancellation PRIMARY KEY (id),
  CONSTRAINT uq_order_cancellation UNIQUE (order_id, revision),
  CONSTRAINT fk_order_cancellation_order FOREIGN KEY (order_id) REFERENCES sales.sales_order (id),
  CONSTRAINT ck_order_cancellation_revision CHECK (revision >= 1)
);

-- +goose Down
DROP TABLE sales.order_cancellation;
DROP TABLE catalog.product_price;
ALTER TABLE catalog.product DROP CONSTRAINT df_product_version;
ALTER TABLE catalog.product DROP CONSTRAINT ck_product_version;
ALTER TABLE catalog.product DROP CONSTRAINT ck_product_net_weight;
ALTER TABLE catalog.product DROP COLUMN version;
ALTER TABLE catalog.product DROP COLUMN net_weight;
ALTER TABLE catalog.product DROP COLUMN sales_start;
ALTER TABLE catalog.product DROP COLUMN sales_end;
ALTER TABLE catalog.product DROP COLUMN changed_at;
DROP TABLE crm.customer_address;
ALTER TABLE crm.customer DROP CONSTRAINT df_customer_version;
ALTER TABLE crm.customer DROP CONSTRAINT ck_customer_version;
ALTER TABLE crm.customer DROP CONSTRAINT df_customer_life_cycle;
ALTER TABLE crm.customer DROP CONSTRAINT ck_customer_life_cycle;
ALTER TABLE crm.customer DROP CONSTRAINT ck_customer_credit_limit;
ALTER TABLE crm.customer DROP COLUMN version;
ALTER TABLE crm.customer DROP COLUMN life_cycle;
ALTER TABLE crm.customer DROP COLUMN block_reason;
ALTER TABLE crm.customer DROP COLUMN vat_no;
ALTER TABLE crm.customer DROP COLUMN credit_limit;
ALTER TABLE crm.customer DROP COLUMN credit_currency;
ALTER TABLE crm.customer DROP COLUMN changed_at;
