// Everything for the CPU. Narrow headers may be included instead; each compiles alone.
//
// Images need stb_image, and weights, logs and training need nlohmann-json: where one is missing,
// what needs it is left out, and including its header by name says what is missing.
#pragma once

#include <lafs/autograd/attention.hpp>
#include <lafs/autograd/batch_norm.hpp>
#include <lafs/autograd/class_attention.hpp>
#include <lafs/autograd/concatenate.hpp>
#include <lafs/autograd/conv.hpp>
#include <lafs/autograd/dropout.hpp>
#include <lafs/autograd/expression.hpp>
#include <lafs/autograd/gather.hpp>
#include <lafs/autograd/grid_patches.hpp>
#include <lafs/autograd/landmark_patches.hpp>
#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/min_max.hpp>
#include <lafs/autograd/recompute.hpp>
#include <lafs/autograd/reductions.hpp>
#include <lafs/autograd/reshape.hpp>
#include <lafs/autograd/row_functions.hpp>
#include <lafs/autograd/slice.hpp>
#include <lafs/autograd/stochastic_depth.hpp>
#include <lafs/autograd/strided.hpp>
#include <lafs/autograd/variable.hpp>
#include <lafs/core/convolution.hpp>
#include <lafs/core/device.hpp>
#include <lafs/core/dtype.hpp>
#include <lafs/core/error.hpp>
#include <lafs/core/matrix.hpp>
#include <lafs/core/pool.hpp>
#include <lafs/core/random.hpp>
#include <lafs/core/rounded.hpp>
#include <lafs/core/shape.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/data/affine.hpp>
#include <lafs/data/alignment.hpp>
#include <lafs/data/augment.hpp>
#include <lafs/data/blur.hpp>
#include <lafs/data/colour_ops.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/image_ops.hpp>
#include <lafs/data/random_crop.hpp>
#include <lafs/data/synthetic_faces.hpp>
#include <lafs/data/tone_ops.hpp>
#include <lafs/eval/curves.hpp>
#include <lafs/eval/feature_rows.hpp>
#include <lafs/eval/ijb.hpp>
#include <lafs/eval/roc.hpp>
#include <lafs/eval/svg_chart.hpp>
#include <lafs/eval/verification.hpp>
#include <lafs/expr/cross_entropy_row.hpp>
#include <lafs/expr/min_max_row.hpp>
#include <lafs/expr/operations.hpp>
#include <lafs/expr/optimizer_updates.hpp>
#include <lafs/expr/row_programs.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/mapped_file.hpp>
#include <lafs/losses/arcface.hpp>
#include <lafs/losses/cosface.hpp>
#include <lafs/losses/cross_entropy.hpp>
#include <lafs/losses/dino_loss.hpp>
#include <lafs/losses/landmark_regularization.hpp>
#include <lafs/losses/margin_head.hpp>
#include <lafs/losses/mixup.hpp>
#include <lafs/losses/scaled_softmax.hpp>
#include <lafs/losses/sface.hpp>
#include <lafs/models/dino_head.hpp>
#include <lafs/models/landmark_cnn.hpp>
#include <lafs/models/part_fvit.hpp>
#include <lafs/models/vit.hpp>
#include <lafs/nn/attention.hpp>
#include <lafs/nn/batch_norm2d.hpp>
#include <lafs/nn/conv2d.hpp>
#include <lafs/nn/dropout.hpp>
#include <lafs/nn/evaluation.hpp>
#include <lafs/nn/feed_forward.hpp>
#include <lafs/nn/init.hpp>
#include <lafs/nn/layer_norm.hpp>
#include <lafs/nn/linear.hpp>
#include <lafs/nn/module.hpp>
#include <lafs/nn/squeeze_excite.hpp>
#include <lafs/nn/transformer_block.hpp>
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/gradient_clipping.hpp>
#include <lafs/optim/lars.hpp>
#include <lafs/optim/optimizer.hpp>
#include <lafs/optim/parameter_groups.hpp>
#include <lafs/optim/schedule.hpp>
#include <lafs/optim/sgd.hpp>
#include <lafs/ssl/collapse_monitor.hpp>
#include <lafs/ssl/ema_teacher.hpp>
#include <lafs/ssl/landmark_augmentation.hpp>
#include <lafs/ssl/multi_crop.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>
#include <lafs/train/heads.hpp>
#include <lafs/train/log.hpp>
#include <lafs/train/model_spec.hpp>
#include <lafs/train/progress.hpp>
#include <lafs/train/sampler.hpp>

#if __has_include(<stb/stb_image.h>) || __has_include(<stb_image.h>)
#include <lafs/data/image_codec.hpp>
#include <lafs/data/image_folder.hpp>
#include <lafs/data/jpeg_structure.hpp>
#include <lafs/data/pairs.hpp>
#include <lafs/data/source.hpp>
#include <lafs/data/source_pairs.hpp>
#include <lafs/train/face_batches.hpp>
#include <lafs/train/verify_pairs.hpp>
#include <lafs/train/view_batches.hpp>
#endif

#if __has_include(<nlohmann/json.hpp>)
#include <lafs/io/safetensors.hpp>
#include <lafs/io/weights.hpp>
#include <lafs/train/face_model.hpp>
#include <lafs/train/log_reader.hpp>
#include <lafs/train/loop.hpp>
#include <lafs/train/run_options.hpp>
#include <lafs/train/saved_state.hpp>
#include <lafs/train/verification_report.hpp>
#endif

#if (__has_include(<stb/stb_image.h>) || __has_include(<stb_image.h>)) && __has_include(<nlohmann/json.hpp>)
#include <lafs/train/finetune.hpp>
#include <lafs/train/pretrain.hpp>
#include <lafs/train/report.hpp>
#include <lafs/train/run_report.hpp>
#endif
