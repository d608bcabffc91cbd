using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Models;

namespace AdaptFormer.Inference;

/// <summary>From what a set of weights expects to how pictures and clips are made ready: models and data do not know each other.</summary>
public static class ModelTransforms
{
    extension(Preprocessing expected)
    {
        /// <summary>How pictures are made ready for these weights; training cuts and mirrors them by the authors' image settings.</summary>
        public TransformOptions ToTransform() => new(
            expected.ImgSize, Interpolation: expected.Interpolation, EvalResize: expected.EvalResize, Statistics: expected.Pixels,
            EvalStretch: expected.Stretch, Orientation: Rule(expected.TurnsPictures));

        /// <summary>Whether the frames of clips are turned as their files say.</summary>
        /// <summary>Whether clips are turned as their files say.</summary>
        public OrientationRule ClipOrientation => Rule(expected.TurnsClips);

        /// <summary>
        /// How clips are made ready to be scored. Where nothing is known of the views, one of the middle of the video, its shorter side
        /// resized to the model's.
        /// </summary>
        /// <param name="numFrames">T.</param>
        /// <param name="views">Views in place of those that belong to the weights.</param>
        public TransformOptions ToClips(int numFrames, ClipViews? views = null)
        {
            ClipViews shown = views ?? expected.Clips ?? new ClipViews();
            bool known = expected.Clips is not null;
            return new TransformOptions(
                expected.ImgSize, EvalResize: known ? expected.EvalResize : expected.ImgSize,
                Interpolation: known ? expected.Interpolation : Interpolation.Bilinear,
                Statistics: expected.Pixels, Crops: shown.Crops,
                Clip: new ClipOptions(numFrames, shown.Sampling, shown.SamplingRate, shown.Segments),
                EvalStretch: known && expected.Stretch, Orientation: expected.ClipOrientation);
        }
    }

    private static OrientationRule Rule(bool upright) => upright ? OrientationRule.Apply : OrientationRule.Ignore;
}
