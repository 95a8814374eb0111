ALTER TABLE [sales].[order_line] ALTER COLUMN [unit] nvarchar(60) COLLATE SQL_Latin1_General_CP1_CI_AS NOT NULL;
ALTER TABLE [sales].[order_line] ALTER COLUMN [unit] nvarchar(max) COLLATE SQL_Latin1_General_CP1_CI_AS NULL;
ALTER TABLE [sales].[order_line] ALTER COLUMN [quantity] decimal(15,3) NOT NULL;
ALTER TABLE [sales].[order_line] ALTER COLUMN [amount] decimal(19,4) NULL;
ALTER TABLE [sales].[order_line] ALTER COLUMN [quantity] bigint NOT NULL;
ALTER TABLE [sales].[order_line] ADD [note]]s] nvarchar(60) NULL;
CREATE UNIQUE INDEX [ux_order_line_order_id_line_no] ON [sales].[order_line] ([order_id], [line_no]);
CREATE SEQUENCE [sales].[line_id] AS bigint START WITH 1;
ALTER TABLE [sales].[order_line] ALTER COLUMN [unit] nvarchar(61) COLLATE SQL_Latin1_General_CP1_CI_AS NOT NULL;
