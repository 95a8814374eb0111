-- +goose Up
-- What the sample's queries ask together: a customer's orders in some state. See
-- mappings/queries.
CREATE INDEX ix_sales_order_customer_status ON sales.sales_order (customer_id, status, ordered_at, order_no);

-- +goose Down
DROP INDEX ix_sales_order_customer_status ON sales.sales_order;
