-- +goose Up
CREATE TABLE sales.item (
  id bigint IDENTITY(1,1) NOT NULL,
  number nvarchar(20) NOT NULL,
  item_group nvarchar(20) NOT NULL,
  CONSTRAINT pk_item PRIMARY KEY (id)
);
-- +goose Down
DROP TABLE sales.item;
