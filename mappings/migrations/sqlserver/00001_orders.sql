-- +goose Up
-- The business tables of the sample: customers, products with their features,
-- orders and shipments. Times are UTC.
CREATE SCHEMA crm;
CREATE SCHEMA catalog;
CREATE SCHEMA sales;

CREATE TABLE crm.customer (
  id bigint IDENTITY(1,1) NOT NULL,
  customer_no nvarchar(20) NOT NULL,
  name nvarchar(120) NOT NULL,
  country nchar(2) NOT NULL,
  email nvarchar(254) NULL,
  CONSTRAINT pk_customer PRIMARY KEY (id),
  CONSTRAINT uq_customer_no UNIQUE (customer_no),
  CONSTRAINT ck_customer_no CHECK (customer_no <> ''),
  CONSTRAINT ck_customer_country CHECK (country LIKE '[A-Z][A-Z]')
);

CREATE TABLE catalog.product (
  id bigint IDENTITY(1,1) NOT NULL,
  sku nvarchar(40) NOT NULL,
  name nvarchar(120) NOT NULL,
  unit nvarchar(4) NOT NULL,
  life_cycle nvarchar(12) NOT NULL CONSTRAINT df_product_life_cycle DEFAULT ('ACTIVE'),
  CONSTRAINT pk_product PRIMARY KEY (id),
  CONSTRAINT uq_product_sku UNIQUE (sku),
  CONSTRAINT ck_product_unit CHECK (unit IN ('EA', 'KG', 'M', 'L')),
  CONSTRAINT ck_product_life_cycle CHECK (life_cycle IN ('PLANNED', 'ACTIVE', 'PHASING_OUT', 'RETIRED'))
);

CREATE TABLE catalog.product_feature (
  id bigint IDENTITY(1,1) NOT NULL,
  product_id bigint NOT NULL,
  name nvarchar(60) NOT NULL,
  value nvarchar(200) NOT NULL,
  CONSTRAINT pk_product_feature PRIMARY KEY (id),
  CONSTRAINT uq_product_feature UNIQUE (product_id, name),
  CONSTRAINT fk_product_feature_product FOREIGN KEY (product_id) REFERENCES catalog.product (id)
);

CREATE TABLE sales.sales_order (
  id bigint IDENTITY(1,1) NOT NULL,
  order_no nvarchar(20) NOT NULL,
  customer_id bigint NOT NULL,
  revision int NOT NULL CONSTRAINT df_sales_order_revision DEFAULT (1),
  status nvarchar(12) NOT NULL,
  currency nchar(3) NOT NULL,
  ordered_at datetime2(3) NOT NULL,
  requested_delivery date NULL,
  note nvarchar(2000) NULL,
  CONSTRAINT pk_sales_order PRIMARY KEY (id),
  CONSTRAINT uq_sales_order_no UNIQUE (order_no),
  CONSTRAINT fk_sales_order_customer FOREIGN KEY (customer_id) REFERENCES crm.customer (id),
  CONSTRAINT ck_sales_order_no CHECK (order_no <> ''),
  CONSTRAINT ck_sales_order_revision CHECK (revision >= 1),
  CONSTRAINT ck_sales_order_status CHECK (status IN ('DRAFT', 'SUBMITTED', 'CONFIRMED', 'SHIPPED', 'INVOICED', 'CANCELLED'))
);
CREATE INDEX ix_sales_order_customer ON sales.sales_order (customer_id);

CREATE TABLE sales.order_line (
  id bigint IDENTITY(1,1) NOT NULL,
  order_id bigint NOT NULL,
  line_no int NOT NULL,
  product_id bigint NOT NULL,
  description nvarchar(200) NULL,
  quantity decimal(12,3) NOT NULL,
  unit nvarchar(4) NOT NULL,
  unit_price decimal(15,4) NOT NULL,
  amount decimal(19,4) NOT NULL,
  CONSTRAINT pk_order_line PRIMARY KEY (id),
  CONSTRAINT uq_order_line UNIQUE (order_id, line_no),
  CONSTRAINT fk_order_line_order FOREIGN KEY (order_id) REFERENCES sales.sales_order (id),
  CONSTRAINT fk_order_line_product FOREIGN KEY (product_id) REFERENCES catalog.product (id),
  CONSTRAINT ck_order_line_no CHECK (line_no >= 1),
  CONSTRAINT ck_order_line_quantity CHECK (quantity > 0),
  CONSTRAINT ck_order_line_unit CHECK (unit IN ('EA', 'KG', 'M', 'L')),
  CONSTRAINT ck_order_line_price CHECK (unit_price >= 0)
);
CREATE INDEX ix_order_line_product ON sales.order_line (product_id);

CREATE TABLE sales.order_line_feature (
  id bigint IDENTITY(1,1) NOT NULL,
  line_id bigint NOT NULL,
  name nvarchar(60) NOT NULL,
  value nvarchar(200) NOT NULL,
  CONSTRAINT pk_order_line_feature PRIMARY KEY (id),
  CONSTRAINT uq_order_line_feature UNIQUE (line_id, name),
  CONSTRAINT fk_order_line_feature_line FOREIGN KEY (line_id) REFERENCES sales.order_line (id)
);

CREATE TABLE sales.shipment (
  id bigint IDENTITY(1,1) NOT NULL,
  shipment_no nvarchar(20) NOT NULL,
  order_id bigint NOT NULL,
  shipped_at datetime2(3) NOT NULL,
  carrier nvarchar(60) NULL,
  CONSTRAINT pk_shipment PRIMARY KEY (id),
  CONSTRAINT uq_shipment_no UNIQUE (shipment_no),
  CONSTRAINT fk_shipment_order FOREIGN KEY (order_id) REFERENCES sales.sales_order (id),
  CONSTRAINT ck_shipment_no CHECK (shipment_no <> '')
);
CREATE INDEX ix_shipment_order ON sales.shipment (order_id);

CREATE TABLE sales.shipment_line (
  id bigint IDENTITY(1,1) NOT NULL,
  shipment_id bigint NOT NULL,
  line_no int NOT NULL,
  quantity decimal(12,3) NOT NULL,
  CONSTRAINT pk_shipment_line PRIMARY KEY (id),
  CONSTRAINT uq_shipment_line UNIQUE (shipment_id, line_no),
  CONSTRAINT fk_shipment_line_shipment FOREIGN KEY (shipment_id) REFERENCES sales.shipment (id),
  CONSTRAINT ck_shipment_line_no CHECK (line_no >= 1),
  CONSTRAINT ck_shipment_line_quantity CHECK (quantity > 0)
);

-- +goose Down
DROP TABLE sales.shipment_line;
DROP TABLE sales.shipment;
DROP TABLE sales.order_line_feature;
DROP TABLE sales.order_line;
DROP TABLE sales.sales_order;
DROP TABLE catalog.product_feature;
DROP TABLE catalog.product;
DROP TABLE crm.customer;
DROP SCHEMA sales;
DROP SCHEMA catalog;
DROP SCHEMA crm;
