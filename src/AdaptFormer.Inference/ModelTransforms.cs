using AdaptFormer.Data;
using AdaptFormer.Models;

namespace AdaptFormer.Inference;

/// <summary>From what a set of weights expects to how pictures and clips are made ready: models and data do not know each other.</summary>
public static class ModelTransforms
{
    extension(Preprocessing expected)
    {
        /// <summary>How pictures are made ready for these weights; training cuts and mirrors them by the authors' image settings.</summary>
        public TransformOptions ToTransform() => new(
            expected.ImgSize, Interpolation: Enum.Parse<Interpolation>(expected.Interpolation.ToString()), EvalResize: expected.EvalResize,
            Mean: expected.Mean.ToArray(), Std: expected.Std.ToArray(), EvalStretch: expected.Stretch, Orientation: Rule(expected.TurnsPictures));

        /// <summary>Whether the frames of clips are turned as their files say.</summary>
        internal OrientationRule ClipOrientation => Rule(expected.TurnsClips);

        /// <summary>
        /// How clips are made ready to be scored. Where nothing is known of the views, one of the middle of the video, its shorter side
        /// resized to the model's.
        /// </summary>
        /// <param name="numFrames">T.</param>
        /// <param name="views">Views in place of those that belong to the weights.</param>
        public ClipOptions ToClips(int numFrames, ClipViews? views = null)
        {
            ClipOptions plain = new(numFrames, expected.ImgSize, Orientation: expected.ClipOrientation);
            if (expected.Clips is not null)
            {
                Interpolation filter = Enum.Parse<Interpolation>(expected.Interpolation.ToString());
                plain = plain with { EvalResize = expected.EvalResize, Interpolation = filter };
            }

            if ((views ?? expected.Clips) is not { } chosen) return plain;
            FrameSampling sampling = Enum.Parse<FrameSampling>(chosen.Sampling.ToString());
            return plain with { Sampling = sampling, SamplingRate = chosen.SamplingRate, Segments = chosen.Segments, Crops = chosen.Crops };
        }
    }

    private static OrientationRule Rule(bool upright) => upright ? OrientationRule.Apply : OrientationRule.Ignore;
}
