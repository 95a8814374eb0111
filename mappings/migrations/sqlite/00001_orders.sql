-- +goose Up
-- The business tables of the sample: customers, products with their features,
-- orders and shipments. Column types are declared as in SQL Server, which is
-- how the gateway knows them; SQLite refuses nothing by type, so checks stand in
-- for what SQL Server refuses. Decimals are integers scaled by their fraction
-- digits; times are text in UTC.

CREATE TABLE "crm.customer" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  customer_no NVARCHAR(20) NOT NULL,
  name NVARCHAR(120) NOT NULL,
  country NCHAR(2) NOT NULL,
  email NVARCHAR(254) NULL,
  CONSTRAINT ck_customer_customer_no_type CHECK (typeof(customer_no) = 'text' AND length(customer_no) <= 20),
  CONSTRAINT ck_customer_name_type CHECK (typeof(name) = 'text' AND length(name) <= 120),
  CONSTRAINT ck_customer_country_type CHECK (typeof(country) = 'text' AND length(country) = 2),
  CONSTRAINT ck_customer_email_type CHECK (email IS NULL OR typeof(email) = 'text' AND length(email) <= 254),
  CONSTRAINT uq_customer_no UNIQUE (customer_no),
  CONSTRAINT ck_customer_no CHECK (customer_no <> ''),
  CONSTRAINT ck_customer_country CHECK (country GLOB '[A-Z][A-Z]')
);

CREATE TABLE "catalog.product" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sku NVARCHAR(40) NOT NULL,
  name NVARCHAR(120) NOT NULL,
  unit NVARCHAR(4) NOT NULL,
  life_cycle NVARCHAR(12) NOT NULL CONSTRAINT df_product_life_cycle DEFAULT ('ACTIVE'),
  CONSTRAINT ck_product_sku_type CHECK (typeof(sku) = 'text' AND length(sku) <= 40),
  CONSTRAINT ck_product_name_type CHECK (typeof(name) = 'text' AND length(name) <= 120),
  CONSTRAINT ck_product_unit_type CHECK (typeof(unit) = 'text' AND length(unit) <= 4),
  CONSTRAINT ck_product_life_cycle_type CHECK (typeof(life_cycle) = 'text' AND length(life_cycle) <= 12),
  CONSTRAINT uq_product_sku UNIQUE (sku),
  CONSTRAINT ck_product_unit CHECK (unit IN ('EA', 'KG', 'M', 'L')),
  CONSTRAINT ck_product_life_cycle CHECK (life_cycle IN ('PLANNED', 'ACTIVE', 'PHASING_OUT', 'RETIRED'))
);

CREATE TABLE "catalog.product_feature" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  product_id BIGINT NOT NULL,
  name NVARCHAR(60) NOT NULL,
  value NVARCHAR(200) NOT NULL,
  CONSTRAINT ck_product_feature_product_id_type CHECK (typeof(product_id) = 'integer'),
  CONSTRAINT ck_product_feature_name_type CHECK (typeof(name) = 'text' AND length(name) <= 60),
  CONSTRAINT ck_product_feature_value_type CHECK (typeof(value) = 'text' AND length(value) <= 200),
  CONSTRAINT uq_product_feature UNIQUE (product_id, name),
  CONSTRAINT fk_product_feature_product FOREIGN KEY (product_id) REFERENCES "catalog.product" (id)
);

CREATE TABLE "sales.sales_order" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  order_no NVARCHAR(20) NOT NULL,
  customer_id BIGINT NOT NULL,
  revision INT NOT NULL CONSTRAINT df_sales_order_revision DEFAULT (1),
  status NVARCHAR(12) NOT NULL,
  currency NCHAR(3) NOT NULL,
  ordered_at DATETIME2(3) NOT NULL,
  requested_delivery DATE NULL,
  note NVARCHAR(2000) NULL,
  CONSTRAINT ck_sales_order_order_no_type CHECK (typeof(order_no) = 'text' AND length(order_no) <= 20),
  CONSTRAINT ck_sales_order_customer_id_type CHECK (typeof(customer_id) = 'integer'),
  CONSTRAINT ck_sales_order_revision_type CHECK (typeof(revision) = 'integer' AND revision BETWEEN -2147483648 AND 2147483647),
  CONSTRAINT ck_sales_order_status_type CHECK (typeof(status) = 'text' AND length(status) <= 12),
  CONSTRAINT ck_sales_order_currency_type CHECK (typeof(currency) = 'text' AND length(currency) = 3),
  CONSTRAINT ck_sales_order_ordered_at_type CHECK (ordered_at GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9]'),
  CONSTRAINT ck_sales_order_requested_delivery_type CHECK (requested_delivery IS NULL OR requested_delivery GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]'),
  CONSTRAINT ck_sales_order_note_type CHECK (note IS NULL OR typeof(note) = 'text' AND length(note) <= 2000),
  CONSTRAINT uq_sales_order_no UNIQUE (order_no),
  CONSTRAINT fk_sales_order_customer FOREIGN KEY (customer_id) REFERENCES "crm.customer" (id),
  CONSTRAINT ck_sales_order_no CHECK (order_no <> ''),
  CONSTRAINT ck_sales_order_revision CHECK (revision >= 1),
  CONSTRAINT ck_sales_order_status CHECK (status IN ('DRAFT', 'SUBMITTED', 'CONFIRMED', 'SHIPPED', 'INVOICED', 'CANCELLED'))
);
CREATE INDEX ix_sales_order_customer ON "sales.sales_order" (customer_id);

CREATE TABLE "sales.order_line" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  order_id BIGINT NOT NULL,
  line_no INT NOT NULL,
  product_id BIGINT NOT NULL,
  description NVARCHAR(200) NULL,
  quantity DECIMAL(12,3) NOT NULL,
  unit NVARCHAR(4) NOT NULL,
  unit_price DECIMAL(15,4) NOT NULL,
  amount DECIMAL(19,4) NOT NULL,
  CONSTRAINT ck_order_line_order_id_type CHECK (typeof(order_id) = 'integer'),
  CONSTRAINT ck_order_line_line_no_type CHECK (typeof(line_no) = 'integer' AND line_no BETWEEN -2147483648 AND 2147483647),
  CONSTRAINT ck_order_line_product_id_type CHECK (typeof(product_id) = 'integer'),
  CONSTRAINT ck_order_line_description_type CHECK (description IS NULL OR typeof(description) = 'text' AND length(description) <= 200),
  CONSTRAINT ck_order_line_quantity_type CHECK (typeof(quantity) = 'integer' AND quantity BETWEEN -999999999999 AND 999999999999),
  CONSTRAINT ck_order_line_unit_type CHECK (typeof(unit) = 'text' AND length(unit) <= 4),
  CONSTRAINT ck_order_line_unit_price_type CHECK (typeof(unit_price) = 'integer' AND unit_price BETWEEN -999999999999999 AND 999999999999999),
  CONSTRAINT ck_order_line_amount_type CHECK (typeof(amount) = 'integer' AND amount BETWEEN -9223372036854775807 AND 9223372036854775807),
  CONSTRAINT uq_order_line UNIQUE (order_id, line_no),
  CONSTRAINT fk_order_line_order FOREIGN KEY (order_id) REFERENCES "sales.sales_order" (id),
  CONSTRAINT fk_order_line_product FOREIGN KEY (product_id) REFERENCES "catalog.product" (id),
  CONSTRAINT ck_order_line_no CHECK (line_no >= 1),
  CONSTRAINT ck_order_line_quantity CHECK (quantity > 0),
  CONSTRAINT ck_order_line_unit CHECK (unit IN ('EA', 'KG', 'M', 'L')),
  CONSTRAINT ck_order_line_price CHECK (unit_price >= 0)
);
CREATE INDEX ix_order_line_product ON "sales.order_line" (product_id);

CREATE TABLE "sales.order_line_feature" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  line_id BIGINT NOT NULL,
  name NVARCHAR(60) NOT NULL,
  value NVARCHAR(200) NOT NULL,
  CONSTRAINT ck_order_line_feature_line_id_type CHECK (typeof(line_id) = 'integer'),
  CONSTRAINT ck_order_line_feature_name_type CHECK (typeof(name) = 'text' AND length(name) <= 60),
  CONSTRAINT ck_order_line_feature_value_type CHECK (typeof(value) = 'text' AND length(value) <= 200),
  CONSTRAINT uq_order_line_feature UNIQUE (line_id, name),
  CONSTRAINT fk_order_line_feature_line FOREIGN KEY (line_id) REFERENCES "sales.order_line" (id)
);

CREATE TABLE "sales.shipment" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  shipment_no NVARCHAR(20) NOT NULL,
  order_id BIGINT NOT NULL,
  shipped_at DATETIME2(3) NOT NULL,
  carrier NVARCHAR(60) NULL,
  CONSTRAINT ck_shipment_shipment_no_type CHECK (typeof(shipment_no) = 'text' AND length(shipment_no) <= 20),
  CONSTRAINT ck_shipment_order_id_type CHECK (typeof(order_id) = 'integer'),
  CONSTRAINT ck_shipment_shipped_at_type CHECK (shipped_at GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9]'),
  CONSTRAINT ck_shipment_carrier_type CHECK (carrier IS NULL OR typeof(carrier) = 'text' AND length(carrier) <= 60),
  CONSTRAINT uq_shipment_no UNIQUE (shipment_no),
  CONSTRAINT fk_shipment_order FOREIGN KEY (order_id) REFERENCES "sales.sales_order" (id),
  CONSTRAINT ck_shipment_no CHECK (shipment_no <> '')
);
CREATE INDEX ix_shipment_order ON "sales.shipment" (order_id);

CREATE TABLE "sales.shipment_line" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  shipment_id BIGINT NOT NULL,
  line_no INT NOT NULL,
  quantity DECIMAL(12,3) NOT NULL,
  CONSTRAINT ck_shipment_line_shipment_id_type CHECK (typeof(shipment_id) = 'integer'),
  CONSTRAINT ck_shipment_line_line_no_type CHECK (typeof(line_no) = 'integer' AND line_no BETWEEN -2147483648 AND 2147483647),
  CONSTRAINT ck_shipment_line_quantity_type CHECK (typeof(quantity) = 'integer' AND quantity BETWEEN -999999999999 AND 999999999999),
  CONSTRAINT uq_shipment_line UNIQUE (shipment_id, line_no),
  CONSTRAINT fk_shipment_line_shipment FOREIGN KEY (shipment_id) REFERENCES "sales.shipment" (id),
  CONSTRAINT ck_shipment_line_no CHECK (line_no >= 1),
  CONSTRAINT ck_shipment_line_quantity CHECK (quantity > 0)
);

-- +goose Down
DROP TABLE "sales.shipment_line";
DROP TABLE "sales.shipment";
DROP TABLE "sales.order_line_feature";
DROP TABLE "sales.order_line";
DROP TABLE "sales.sales_order";
DROP TABLE "catalog.product_feature";
DROP TABLE "catalog.product";
DROP TABLE "crm.customer";
