-- Insert drawn codes into a batch, in order so that workers never deadlock. Codes that the brand already has are skipped.
-- Upholds redemptions_code_once_per_brand and redemptions_code_once_per_offer.
INSERT INTO promotions_code (text, kind, brand_id, offer, batch_id, single_use, balance)
SELECT text, %(kind)s, %(brand)s, %(offer)s, %(batch)s, true, %(balance)s FROM redemptions_drawn ORDER BY text COLLATE "C"
ON CONFLICT DO NOTHING
