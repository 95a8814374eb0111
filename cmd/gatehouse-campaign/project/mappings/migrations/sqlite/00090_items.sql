-- +goose Up
CREATE TABLE "sales.item" (id INTEGER PRIMARY KEY AUTOINCREMENT, number NVARCHAR(20) NOT NULL, item_group NVARCHAR(20) NOT NULL);
-- +goose Down
DROP TABLE "sales.item";
