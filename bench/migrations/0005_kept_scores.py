from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bench', '0004_human_labels'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptScores',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content', models.BinaryField(help_text='numpy arrays (npz), deflated.')),
                ('made_at', models.DateTimeField(auto_now_add=True)),
                ('run', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='kept_scores', to='bench.run')),
            ],
            options={
                'verbose_name_plural': 'kept scores',
            },
        ),
    ]
