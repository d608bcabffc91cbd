using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Models.Vit;
using AdaptFormer.Tests.Parity;
using AdaptFormer.Tests.Training.Metrics;
using AdaptFormer.Tests.Training.Optimizers;
using AdaptFormer.Tests.Training.Schedules;

namespace AdaptFormer.Tests.Support;

/// <summary>Which suite runs which golden files, by the beginning of the case's name. A file that none runs is a failure.</summary>
public static class ParitySuites
{
    public const string Losses = "losses", TrainLoops = "train_loop_", MaePretraining = "mae_pretrain";

    public static readonly string[] Vits = ["vit_image_", "paper_eq3_", "timm_vit_", "mae_vit_", "vit_video_", "variant_adapt_"];

    public static readonly string[] Swins = ["swin_", "video_swin_"];

    public static readonly IReadOnlyList<(string Prefix, Type Suite)> All =
    [
        .. Vits.Select(prefix => (prefix, typeof(VitParityTests))),
        .. Swins.Select(prefix => (prefix, typeof(SwinParityTests))),
        (Losses, typeof(LossParityTests)),
        (TrainLoops, typeof(TrainLoopParityTests)),
        (MaePretraining, typeof(MaeParityTests)),
        ("lr_schedules", typeof(ScheduleTests)),
        ("optimizers", typeof(OptimizerParityTests)),
        ("metrics", typeof(MetricsParityTests)),
        ("image_transforms_", typeof(TransformParityTests)),
        ("rrc_params", typeof(TransformParityTests)),
        ("pos_embed", typeof(PositionEmbeddingsTests)),
    ];
}
