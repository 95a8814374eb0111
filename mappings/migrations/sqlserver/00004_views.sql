-- +goose Up
-- What the sample's views are found by: see mappings/views.
CREATE INDEX ix_sales_order_status ON sales.sales_order (status, ordered_at, order_no);
CREATE INDEX ix_sales_order_day ON sales.sales_order (ordered_at, order_no);
CREATE INDEX ix_sales_order_customer_day ON sales.sales_order (customer_id, ordered_at, order_no);
CREATE INDEX ix_order_line_sku ON sales.order_line (product_id, id);
CREATE INDEX ix_shipment_of_order ON sales.shipment (order_id, shipment_no);
CREATE INDEX ix_product_name ON catalog.product (name, sku);
CREATE INDEX ix_product_life_cycle ON catalog.product (life_cycle, sku);
CREATE INDEX ix_customer_name ON crm.customer (name, customer_no);
CREATE INDEX ix_customer_country ON crm.customer (country, customer_no);

-- +goose Down
DROP INDEX ix_customer_country ON crm.customer;
DROP INDEX ix_customer_name ON crm.customer;
DROP INDEX ix_product_life_cycle ON catalog.product;
DROP INDEX ix_product_name ON catalog.product;
DROP INDEX ix_shipment_of_order ON sales.shipment;
DROP INDEX ix_order_line_sku ON sales.order_line;
DROP INDEX ix_sales_order_customer_day ON sales.sales_order;
DROP INDEX ix_sales_order_day ON sales.sales_order;
DROP INDEX ix_sales_order_status ON sales.sales_order;
