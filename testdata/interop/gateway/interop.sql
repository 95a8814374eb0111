-- +goose Up
CREATE TABLE "interop.booking" (
  id INTEGER PRIMARY KEY,
  number NVARCHAR(60) NOT NULL CHECK (length(number) <= 60),
  text NVARCHAR(2000) NOT NULL CHECK (length(text) <= 2000),
  quantity DECIMAL(12,3) NOT NULL,
  document BLOB NULL,
  CONSTRAINT uq_booking UNIQUE (number)
);
CREATE TABLE "interop.asked" (id INTEGER PRIMARY KEY, number NVARCHAR(60) NOT NULL CHECK (length(number) <= 60));
CREATE TABLE "interop.told" (id INTEGER PRIMARY KEY, number NVARCHAR(60) NOT NULL CHECK (length(number) <= 60));
-- +goose Down
DROP TABLE "interop.told";
DROP TABLE "interop.asked";
DROP TABLE "interop.booking";
