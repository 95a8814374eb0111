-- +goose Up
-- Master data of customers and products, prices, and cancelled orders. Version 0
-- is a row that the master system has not told of yet.
ALTER TABLE "crm.customer" ADD COLUMN version INT NOT NULL CONSTRAINT df_customer_version DEFAULT 0
  CONSTRAINT ck_customer_version_type CHECK (typeof(version) = 'integer' AND version BETWEEN -2147483648 AND 2147483647)
  CONSTRAINT ck_customer_version CHECK (version >= 0);
ALTER TABLE "crm.customer" ADD COLUMN life_cycle NVARCHAR(12) NOT NULL CONSTRAINT df_customer_life_cycle DEFAULT 'ACTIVE'
  CONSTRAINT ck_customer_life_cycle_type CHECK (typeof(life_cycle) = 'text' AND length(life_cycle) <= 12)
  CONSTRAINT ck_customer_life_cycle CHECK (life_cycle IN ('PROSPECT', 'ACTIVE', 'BLOCKED', 'ARCHIVED'));
ALTER TABLE "crm.customer" ADD COLUMN block_reason NVARCHAR(200) NULL
  CONSTRAINT ck_customer_block_reason_type CHECK (block_reason IS NULL OR typeof(block_reason) = 'text' AND length(block_reason) <= 200);
ALTER TABLE "crm.customer" ADD COLUMN vat_no NVARCHAR(14) NULL
  CONSTRAINT ck_customer_vat_no_type CHECK (vat_no IS NULL OR typeof(vat_no) = 'text' AND length(vat_no) <= 14);
ALTER TABLE "crm.customer" ADD COLUMN credit_limit DECIMAL(15,4) NULL
  CONSTRAINT ck_customer_credit_limit_type CHECK (credit_limit IS NULL OR typeof(credit_limit) = 'integer' AND credit_limit BETWEEN -999999999999999 AND 999999999999999)
  CONSTRAINT ck_customer_credit_limit CHECK (credit_limit >= 0);
ALTER TABLE "crm.customer" ADD COLUMN credit_currency NCHAR(3) NULL
  CONSTRAINT ck_customer_credit_currency_type CHECK (credit_currency IS NULL OR typeof(credit_currency) = 'text' AND length(credit_currency) = 3);
ALTER TABLE "crm.customer" ADD COLUMN changed_at DATETIME2(3) NULL
  CONSTRAINT ck_customer_changed_at_type CHECK (changed_at IS NULL OR changed_at GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9]');

CREATE TABLE "crm.customer_address" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  customer_id BIGINT NOT NULL,
  kind NVARCHAR(12) NOT NULL,
  street NVARCHAR(120) NULL,
  po_box NVARCHAR(60) NULL,
  postal_code NVARCHAR(12) NULL,
  city NVARCHAR(60) NOT NULL,
  country NCHAR(2) NOT NULL,
  CONSTRAINT ck_customer_address_customer_id_type CHECK (typeof(customer_id) = 'integer'),
  CONSTRAINT ck_customer_address_kind_type CHECK (typeof(kind) = 'text' AND length(kind) <= 12),
  CONSTRAINT ck_customer_address_street_type CHECK (street IS NULL OR typeof(street) = 'text' AND length(street) <= 120),
  CONSTRAINT ck_customer_address_po_box_type CHECK (po_box IS NULL OR typeof(po_box) = 'text' AND length(po_box) <= 60),
  CONSTRAINT ck_customer_address_postal_code_type CHECK (postal_code IS NULL OR typeof(postal_code) = 'text' AND length(postal_code) <= 12),
  CONSTRAINT ck_customer_address_city_type CHECK (typeof(city) = 'text' AND length(city) <= 60),
  CONSTRAINT ck_customer_address_country_type CHECK (typeof(country) = 'text' AND length(country) = 2),
  CONSTRAINT uq_customer_address UNIQUE (customer_id, kind),
  CONSTRAINT fk_customer_address_customer FOREIGN KEY (customer_id) REFERENCES "crm.customer" (id),
  CONSTRAINT ck_customer_address_kind CHECK (kind IN ('REGISTERED', 'BILL_TO', 'SHIP_TO')),
  CONSTRAINT ck_customer_address_country CHECK (country GLOB '[A-Z][A-Z]')
);

ALTER TABLE "catalog.product" ADD COLUMN version INT NOT NULL CONSTRAINT df_product_version DEFAULT 0
  CONSTRAINT ck_product_version_type CHECK (typeof(version) = 'integer' AND version BETWEEN -2147483648 AND 2147483647)
  CONSTRAINT ck_product_version CHECK (version >= 0);
ALTER TABLE "catalog.product" ADD COLUMN net_weight DECIMAL(9,4) NULL
  CONSTRAINT ck_product_net_weight_type CHECK (net_weight IS NULL OR typeof(net_weight) = 'integer' AND net_weight BETWEEN -999999999 AND 999999999)
  CONSTRAINT ck_product_net_weight CHECK (net_weight > 0);
ALTER TABLE "catalog.product" ADD COLUMN sales_start DATE NULL
  CONSTRAINT ck_product_sales_start_type CHECK (sales_start IS NULL OR sales_start GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]');
ALTER TABLE "catalog.product" ADD COLUMN sales_end DATE NULL
  CONSTRAINT ck_product_sales_end_type CHECK (sales_end IS NULL OR sales_end GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]');
ALTER TABLE "catalog.product" ADD COLUMN changed_at DATETIME2(3) NULL
  CONSTRAINT ck_product_changed_at_type CHECK (changed_at IS NULL OR changed_at GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9]');

CREATE TABLE "catalog.product_price" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  product_id BIGINT NOT NULL,
  currency NCHAR(3) NOT NULL,
  valid_from DATE NOT NULL,
  version INT NOT NULL,
  net_price DECIMAL(15,4) NULL,
  CONSTRAINT ck_product_price_product_id_type CHECK (typeof(product_id) = 'integer'),
  CONSTRAINT ck_product_price_currency_type CHECK (typeof(currency) = 'text' AND length(currency) = 3),
  CONSTRAINT ck_product_price_valid_from_type CHECK (valid_from GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]'),
  CONSTRAINT ck_product_price_version_type CHECK (typeof(version) = 'integer' AND version BETWEEN -2147483648 AND 2147483647),
  CONSTRAINT ck_product_price_net_price_type CHECK (net_price IS NULL OR typeof(net_price) = 'integer' AND net_price BETWEEN -999999999999999 AND 999999999999999),
  CONSTRAINT uq_product_price UNIQUE (product_id, currency, valid_from),
  CONSTRAINT fk_product_price_product FOREIGN KEY (product_id) REFERENCES "catalog.product" (id),
  CONSTRAINT ck_product_price_version CHECK (version >= 1),
  CONSTRAINT ck_product_price_net_price CHECK (net_price >= 0)
);

CREATE TABLE "sales.order_cancellation" (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  order_id BIGINT NOT NULL,
  revision INT NOT NULL,
  reason NVARCHAR(200) NOT NULL,
  cancelled_at DATETIME2(3) NOT NULL,
  cancelled_by NVARCHAR(120) NOT NULL,
  CONSTRAINT ck_order_cancellation_order_id_type CHECK (typeof(order_id) = 'integer'),
  CONSTRAINT ck_order_cancellation_revision_type CHECK (typeof(revision) = 'integer' AND revision BETWEEN -2147483648 AND 2147483647),
  CONSTRAINT ck_order_cancellation_reason_type CHECK (typeof(reason) = 'text' AND length(reason) <= 200),
  CONSTRAINT ck_order_cancellation_cancelled_at_type CHECK (cancelled_at GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9].[0-9][0-9][0-9]'),
  CONSTRAINT ck_order_cancellation_cancelled_by_type CHECK (typeof(cancelled_by) = 'text' AND length(cancelled_by) <= 120),
  CONSTRAINT uq_order_cancellation UNIQUE (order_id, revision),
  CONSTRAINT fk_order_cancellation_order FOREIGN KEY (order_id) REFERENCES "sales.sales_order" (id),
  CONSTRAINT ck_order_cancellation_revision CHECK (revision >= 1)
);

-- +goose Down
DROP TABLE "sales.order_cancellation";
DROP TABLE "catalog.product_price";
ALTER TABLE "catalog.product" DROP COLUMN changed_at;
ALTER TABLE "catalog.product" DROP COLUMN sales_end;
ALTER TABLE "catalog.product" DROP COLUMN sales_start;
ALTER TABLE "catalog.product" DROP COLUMN net_weight;
ALTER TABLE "catalog.product" DROP COLUMN version;
DROP TABLE "crm.customer_address";
ALTER TABLE "crm.customer" DROP COLUMN changed_at;
ALTER TABLE "crm.customer" DROP COLUMN credit_currency;
ALTER TABLE "crm.customer" DROP COLUMN credit_limit;
ALTER TABLE "crm.customer" DROP COLUMN vat_no;
ALTER TABLE "crm.customer" DROP COLUMN block_reason;
ALTER TABLE "crm.customer" DROP COLUMN life_cycle;
ALTER TABLE "crm.customer" DROP COLUMN version;
