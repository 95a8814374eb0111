-- +goose Up
-- The products that the sample messages order.
INSERT INTO "catalog.product" (sku, name, unit, life_cycle)
VALUES ('BOLT-M8', 'Hexagon bolt M8 x 40', 'EA', 'ACTIVE'),
       ('NUT-M8', 'Hexagon nut M8', 'EA', 'ACTIVE'),
       ('PLATE-200', 'Steel plate 200 x 200', 'KG', 'PHASING_OUT');
INSERT INTO "catalog.product_feature" (product_id, name, value)
SELECT p.id, f.name, f.value
FROM "catalog.product" AS p
INNER JOIN (
  SELECT 'BOLT-M8' AS sku, 'thread' AS name, 'M8' AS value
  UNION ALL SELECT 'BOLT-M8', 'length', '40 mm'
  UNION ALL SELECT 'BOLT-M8', 'strength', '8.8'
  UNION ALL SELECT 'NUT-M8', 'thread', 'M8'
  UNION ALL SELECT 'NUT-M8', 'strength', '8'
  UNION ALL SELECT 'PLATE-200', 'thickness', '4 mm'
  UNION ALL SELECT 'PLATE-200', 'steel', 'S235JR'
) AS f ON f.sku = p.sku;

-- +goose Down
DELETE FROM "catalog.product_feature" WHERE product_id IN (SELECT id FROM "catalog.product" WHERE sku IN ('BOLT-M8', 'NUT-M8', 'PLATE-200'));
DELETE FROM "catalog.product" WHERE sku IN ('BOLT-M8', 'NUT-M8', 'PLATE-200');
